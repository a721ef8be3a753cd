// Writes agents/uap-core/ and agents/isbot/ anew from the npm packages unpacked in the folder given; see README.md.
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(resolve(process.argv[2] ?? "."), "node_modules");
const require = createRequire(join(modules, "index.js"));

const { user_agent_parsers, os_parsers } = require("yaml").parse(
  readFileSync(join(modules, "uap-core", "regexes.yaml"), "utf8"),
);
writeFileSync(join(here, "uap-core", "regexes.json"), lines({ user_agent_parsers, os_parsers }));
copyFileSync(join(modules, "uap-core", "LICENSE"), join(here, "uap-core", "LICENSE"));

// JavaScript takes the hyphen in `[\w\d-.]` for itself; Rust's regex wants it escaped.
const patterns = require("isbot").list.map((pattern) => pattern.replaceAll("\\d-", "\\d\\-"));
writeFileSync(join(here, "isbot", "patterns.txt"), patterns.join("\n") + "\n");
copyFileSync(join(modules, "isbot", "LICENSE"), join(here, "isbot", "LICENSE"));

/** One rule a line, so that a refresh reads well as a difference. */
function lines(sections) {
  const section = ([name, rules]) => `"${name}": [\n${rules.map((rule) => JSON.stringify(rule)).join(",\n")}\n]`;
  return `{\n${Object.entries(sections).map(section).join(",\n")}\n}\n`;
}
