import assert from "node:assert/strict";
import { test } from "node:test";
import { Router } from "./router.ts";
import { endpoints } from "./table.ts";

const router = new Router(endpoints);
const name = (method: string, path: string) => {
  const route = router.find(method, path);
  return route.found === "endpoint" ? `${route.name} ${JSON.stringify(route.params)}` : route.found;
};

test("`Router.find()` lets names hold slashes and prefers paths without parameters", () => {
  assert.equal(name("GET", "/images/team/app:v1/json"), 'imageInspect {"name":"team/app:v1"}');
  assert.equal(name("GET", "/images/json"), "imageList {}");
  assert.equal(name("GET", "/images/get"), "imageGetAll {}");
  assert.equal(name("GET", "/containers/json"), "containerList {}");
  assert.equal(name("DELETE", "/containers//parent/alias"), 'containerDelete {"id":"/parent/alias"}');
  assert.equal(name("POST", "/containers/c/exec"), 'execCreate {"id":"c"}');
  assert.equal(name("GET", "/networks/"), "networkList {}");
  assert.equal(name("GET", "/networks/a/b"), 'networkInspect {"id":"a/b"}');
  assert.equal(name("GET", "/networks/two\nlines"), 'networkInspect {"id":"two\\nlines"}');
});

test("`Router.find()` tells a wrong method from an unknown path", () => {
  assert.equal(name("DELETE", "/info"), "methods");
  assert.equal(name("GET", "/nope"), "nothing");
  assert.equal(name("GET", ""), "nothing");
  assert.equal(name("GET", "/constructor"), "nothing");
});

test("the endpoint table has no two endpoints of one method and path", () => {
  const seen = new Set<string>();
  for (const { method, path } of Object.values(endpoints)) {
    const key = `${method} ${path.replace(/\{\w+\}/g, "{}")}`;
    assert.ok(!seen.has(key), key);
    seen.add(key);
  }
});
