/**
 * Words for a JSON text that does not parse, as Go's encoding/json scanner has them: `invalid character 'z' looking for beginning of value`,
 * `unexpected EOF`. `JSON.parse` has found the error already; this finds where and what was wanted there, without recursion.
 */
export function jsonSyntaxError(text: string): string {
  const stack: ("{" | "[")[] = [];
  let at = 0;
  let wanted: "value" | "firstKey" | "key" | "colon" | "after" | "firstElement" = "value";
  const bad = (where: string) => `invalid character ${quoted(text, at)} ${where}`;
  for (;;) {
    while (at < text.length && " \t\r\n".includes(text[at]!)) at++;
    const character = text[at];
    if (character === undefined) return stack.length === 0 && wanted === "after" ? "syntax error" : "unexpected EOF";
    if (wanted === "after") {
      const open = stack.at(-1);
      if (open === undefined) return bad("after top-level value");
      if (character === (open === "{" ? "}" : "]")) stack.pop();
      else if (character === ",") wanted = open === "{" ? "key" : "value";
      else return bad(open === "{" ? "after object key:value pair" : "after array element");
      at++;
    } else if (wanted === "colon") {
      if (character !== ":") return bad("after object key");
      wanted = "value";
      at++;
    } else if ((wanted === "firstKey" && character === "}") || (wanted === "firstElement" && character === "]")) {
      stack.pop();
      wanted = "after";
      at++;
    } else if (wanted === "key" || wanted === "firstKey") {
      if (character !== '"') return bad("looking for beginning of object key string");
      const problem = skipString();
      if (problem !== undefined) return problem;
      wanted = "colon";
    } else if (character === "{" || character === "[") {
      stack.push(character);
      wanted = character === "{" ? "firstKey" : "firstElement";
      at++;
    } else {
      const problem = skipScalar(character);
      if (problem !== undefined) return problem;
      wanted = "after";
    }
  }

  function skipScalar(first: string): string | undefined {
    if (first === '"') return skipString();
    for (const word of ["true", "false", "null"]) if (first === word[0]) return skipWord(word);
    const number = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/.exec(text.slice(at, at + 400));
    if (number) {
      at += number[0].length;
      return undefined;
    }
    if (first !== "-") return bad("looking for beginning of value");
    at++;
    return at >= text.length ? "unexpected EOF" : bad("in numeric literal");
  }

  function skipWord(word: string): string | undefined {
    for (const letter of word) {
      if (at >= text.length) return "unexpected EOF";
      if (text[at] !== letter) return bad(`in literal ${word} (expecting '${letter}')`);
      at++;
    }
    return undefined;
  }

  function skipString(): string | undefined {
    for (at++; at < text.length; at++) {
      const character = text[at]!;
      if (character === '"') {
        at++;
        return undefined;
      }
      if (character < " ") return bad("in string literal");
      if (character !== "\\") continue;
      at++;
      if (at >= text.length) break;
      if (text[at] === "u") {
        for (let digit = 0; digit < 4; digit++) {
          at++;
          if (at >= text.length) return "unexpected EOF";
          if (!/[0-9a-fA-F]/.test(text[at]!)) return bad("in \\u hexadecimal character escape");
        }
      } else if (!'"\\/bfnrt'.includes(text[at]!)) return bad("in string escape code");
    }
    return "unexpected EOF";
  }
}

/** A character in Go's quoting of runes. */
function quoted(text: string, at: number): string {
  const character = String.fromCodePoint(text.codePointAt(at)!);
  if (character === "'") return "'\\''";
  return character === '"' ? `'"'` : `'${JSON.stringify(character).slice(1, -1)}'`;
}
