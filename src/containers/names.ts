import { conflict, invalid } from "#base";

const ADJECTIVES =
  "able airy amber brave breezy bright brisk calm candid clear clever cosmic crisp daring deft eager early fair fleet fresh gentle glad golden grand happy hardy hearty honest humble jolly keen kind lively loyal lucid lunar mellow merry mighty misty modest neat nimble noble patient placid plucky polite proud quick quiet rapid ready rosy serene sharp silent silver sleek smart snug solar solid spry steady stellar sturdy sunny swift tidy trusty vivid warm wise witty zesty";
const SURNAMES =
  "abramson baran berners bertsekas boggs braden cailliau case cerf clark clos cohen cole crocker crowcroft davies deering diffie dijkstra estrin farber feinler floyd gallager handley hamming hopper hui jacobson jain kahn karels karn katz kay keshav kleinrock lamport leiner licklider lynch mccarthy mckeown mckusick merkle metcalfe mills mockapetris moy neumann nyquist paxson perlman pouzin postel rekhter reynolds rivest roberts roca saltzer shannon shenker spurgeon stevens strowger taylor thacker tomlinson turing varghese vixie wing zhang zimmermann";

const adjectives = ADJECTIVES.split(" ");
const surnames = SURNAMES.split(" ");
const pick = (words: readonly string[], random: () => number): string => words[Math.floor(random() * words.length)]!;

/** `brave_perlman`; on the sixth try and later a digit is added, as Docker does, so that it ends. */
export function randomName(taken: (name: string) => boolean, random: () => number = Math.random): string {
  for (let attempt = 0; ; attempt++) {
    const name = `${pick(adjectives, random)}_${pick(surnames, random)}${attempt < 6 ? "" : Math.floor(random() * 10 ** Math.min(attempt - 5, 9))}`;
    if (!taken(name)) return name;
  }
}

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** Takes Docker's leading slash off. @throws invalidParameter for characters a name may not have */
export function checkName(given: string): string {
  const name = given.startsWith("/") ? given.slice(1) : given;
  if (!NAME.test(name))
    throw invalid(`Invalid container name (${given}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`, {
      code: "bad-name",
      context: { name: given },
    });
  return name;
}

export const nameTaken = (name: string, holder: string) =>
  conflict(
    `Conflict. The container name "/${name}" is already in use by container "${holder}". You have to remove (or rename) that container to be able to reuse that name.`,
    { code: "name-in-use", context: { name, holder } },
  );
