// The software bill of materials (CycloneDX 1.5, JSON) of the program: every crate that is linked into it and the engine
// library, with versions, licences and checksums, from `cargo metadata`, Cargo.lock and package-lock.json. The same inputs
// give the same bytes: the time is SOURCE_DATE_EPOCH. usage: node deploy/sbom.mjs > FILE
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const platform = process.env.SILLAGE_TARGET ?? 'x86_64-unknown-linux-gnu';
const run = (program, ...args) => execFileSync(program, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 });
const metadata = JSON.parse(run('cargo', 'metadata', '--locked', '--format-version', '1', '--filter-platform', platform));
const lock = readFileSync(`${root}/Cargo.lock`, 'utf8');
const modules = JSON.parse(readFileSync(`${root}/package-lock.json`, 'utf8')).packages;
const epoch = Number(process.env.SOURCE_DATE_EPOCH ?? run('git', 'log', '-1', '--format=%ct'));

const checksums = new Map();
for (const entry of lock.split('[[package]]').slice(1)) {
  const value = (key) => new RegExp(`^${key} = "(.*)"$`, 'm').exec(entry)?.[1];
  checksums.set(`${value('name')} ${value('version')}`, value('checksum'));
}
const packages = new Map(metadata.packages.map((one) => [one.id, one]));
const nodes = new Map(metadata.resolve.nodes.map((node) => [node.id, node]));
/** Linked crates only: no development and no build dependencies. */
const linked = (node) => node.deps.filter((dep) => dep.dep_kinds.some(({ kind }) => kind === null)).map((dep) => dep.pkg).sort();
const wanted = new Set();
const waiting = [metadata.resolve.root];
while (waiting.length > 0) {
  const id = waiting.pop();
  if (wanted.has(id)) continue;
  wanted.add(id);
  waiting.push(...linked(nodes.get(id)));
}
const purl = ({ name, version }) => `pkg:cargo/${name}@${version}`;
const component = (one) => {
  const content = checksums.get(`${one.name} ${one.version}`);
  return {
    type: 'library', 'bom-ref': purl(one), name: one.name, version: one.version, purl: purl(one),
    ...(one.license && { licenses: [{ expression: one.license.replaceAll('/', ' OR ') }] }),
    ...(content && { hashes: [{ alg: 'SHA-256', content }] }),
  };
};
const engines = Object.entries(modules).filter(([path]) => path.startsWith('node_modules/@chdb/lib-')).map(([path, one]) => {
  const name = path.slice('node_modules/'.length);
  const ref = `pkg:npm/${encodeURIComponent(name.split('/')[0])}/${name.split('/')[1]}@${one.version}`;
  const [, content] = /^sha512-(.*)$/.exec(one.integrity ?? '') ?? [];
  return {
    type: 'library', 'bom-ref': ref, name, version: one.version, purl: ref, licenses: [{ expression: one.license ?? 'Apache-2.0' }],
    ...(content && { hashes: [{ alg: 'SHA-512', content: Buffer.from(content, 'base64').toString('hex') }] }),
  };
});
const byRef = (a, b) => (a['bom-ref'] < b['bom-ref'] ? -1 : 1);
const program = packages.get(metadata.resolve.root);
const digest = createHash('sha256').update(lock).update(JSON.stringify(engines)).update(platform).digest('hex');
const uuid = `${digest.slice(0, 8)}-${digest.slice(8, 12)}-5${digest.slice(13, 16)}-8${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
const bom = {
  bomFormat: 'CycloneDX', specVersion: '1.5', serialNumber: `urn:uuid:${uuid}`, version: 1,
  metadata: { timestamp: new Date(epoch * 1000).toISOString(), component: { ...component(program), type: 'application' } },
  components: [...[...wanted].filter((id) => id !== program.id).map((id) => component(packages.get(id))), ...engines].sort(byRef),
  dependencies: [...wanted].map((id) => ({ ref: purl(packages.get(id)), dependsOn: [...new Set(linked(nodes.get(id)).map((dep) => purl(packages.get(dep))))].sort() }))
    .sort((a, b) => (a.ref < b.ref ? -1 : 1)),
};
process.stdout.write(`${JSON.stringify(bom, null, 1)}\n`);
