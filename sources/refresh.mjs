// Writes sources/matomo/hosts.tsv anew from the Debian package unpacked in the folder given; see README.md.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const folder = resolve(process.argv[2] ?? ".");
const { parse } = createRequire(join(folder, "node_modules", "index.js"))("yaml");
const read = (name) =>
  parse(readFileSync(join(folder, "usr/share/php/matomo/searchengine-and-social-list", name), "utf8"));

const socials = Object.entries(read("Socials.yml")).map(([name, urls]) => ["social", name, urls]);
const engines = Object.entries(read("SearchEngines.yml"));
const searches = engines.flatMap(([name, parts]) => parts.map(({ urls }) => ["search", name, urls]));

// Hosts alone are looked at, without www.; a definition with a path has one without it beside it.
const lines = [...socials, ...searches].flatMap(([kind, name, urls]) =>
  urls
    .filter((url) => !url.includes("/"))
    .map((host) => `${kind}\t${decodeURIComponent(name)}\t${host.toLowerCase().replace(/^www\./, "")}`),
);
writeFileSync(join(here, "matomo", "hosts.tsv"), [...new Set(lines)].join("\n") + "\n");
