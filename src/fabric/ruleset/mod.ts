/** The fixed ruleset: its text, where elements are kept in it, and the firewall that `fabric` applies them through. */
export { NftFirewall, rulesetText } from "./nft-firewall.ts";
export { itemOf, type Placed, placesOf, setsOf } from "./placement.ts";
export { RulesetGuard, type RulesetGuardOptions } from "./ruleset-guard.ts";
