// Builds the third-party parts of the console: the chart library, minified, and the world map. The results are
// committed, so that the program builds without Node; tests/browser/console.test.mjs checks that they match this build.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { geoNaturalEarth1, geoPath } from 'd3-geo';
import { minify } from 'terser';
import { feature } from 'topojson-client';

const text = (path) => readFile(new URL(`../../node_modules/${path}`, import.meta.url), 'utf8');

export const WIDTH = 1000;
const HEIGHT = 486;

/** ISO 3166-1 numeric → alpha-2, for the countries of the map: world-atlas names them by number. */
const CODES = `004AF 008AL 010AQ 012DZ 024AO 031AZ 032AR 036AU 040AT 044BS 050BD 051AM 056BE 064BT 068BO 070BA 072BW 076BR
084BZ 090SB 096BN 100BG 104MM 108BI 112BY 116KH 120CM 124CA 140CF 144LK 148TD 152CL 156CN 158TW 170CO 178CG 180CD 188CR
191HR 192CU 196CY 203CZ 204BJ 208DK 214DO 218EC 222SV 226GQ 231ET 232ER 233EE 238FK 242FJ 246FI 250FR 260TF 262DJ 266GA
268GE 270GM 275PS 276DE 288GH 300GR 304GL 320GT 324GN 328GY 332HT 340HN 348HU 352IS 356IN 360ID 364IR 368IQ 372IE 376IL
380IT 384CI 388JM 392JP 398KZ 400JO 404KE 408KP 410KR 414KW 417KG 418LA 422LB 426LS 428LV 430LR 434LY 440LT 442LU 450MG
454MW 458MY 466ML 478MR 484MX 496MN 498MD 499ME 504MA 508MZ 512OM 516NA 524NP 528NL 540NC 548VU 554NZ 558NI 562NE 566NG
578NO 586PK 591PA 598PG 600PY 604PE 608PH 616PL 620PT 624GW 626TL 630PR 634QA 642RO 643RU 646RW 682SA 686SN 688RS 694SL
703SK 704VN 705SI 706SO 710ZA 716ZW 724ES 728SS 729SD 732EH 740SR 748SZ 752SE 756CH 760SY 762TJ 764TH 768TG 780TT 784AE
788TN 792TR 795TM 800UG 804UA 807MK 818EG 826GB 834TZ 840US 854BF 858UY 860UZ 862VE 887YE 894ZM`;

/** Every country's outline as an SVG path, by its ISO code; those without a code (Kosovo, Northern Cyprus) by their name. */
async function world() {
  const codes = new Map(CODES.split(/\s+/).map((pair) => [pair.slice(0, 3), pair.slice(3)]));
  const atlas = JSON.parse(await text('world-atlas/countries-110m.json'));
  const { features } = feature(atlas, atlas.objects.countries);
  const shown = features.filter(({ id }) => id !== '010');
  const projection = geoNaturalEarth1().fitSize([WIDTH, HEIGHT], { type: 'FeatureCollection', features: shown });
  const draw = geoPath(projection).digits(1);
  const paths = Object.fromEntries(shown.map((country) => [codes.get(country.id) ?? country.properties.name, relative(draw(country))]));
  return `// Natural Earth, public domain, by way of world-atlas (c) Michael Bostock, ISC; drawn by build.mjs.
export const SIZE = [${WIDTH}, ${HEIGHT}];
export const COUNTRIES = ${JSON.stringify(paths)};
`;
}

/** The same path in whole, relative steps, without steps of length zero: half the bytes. */
function relative(path) {
  const rings = path.split('Z').filter(Boolean).map((ring) => ring.slice(1).split('L').map((point) => point.split(',').map(Math.round)));
  const drawn = rings.map(([[startX, startY], ...points]) => {
    let [x, y] = [startX, startY];
    const steps = [];
    for (const [toX, toY] of points) {
      if (toX === x && toY === y) continue;
      steps.push(`${toX - x} ${toY - y}`);
      [x, y] = [toX, toY];
    }
    return steps.length > 1 ? `M${startX} ${startY}l${steps.join(' ').replaceAll(' -', '-')}z` : '';
  });
  return drawn.join('') || `M${rings[0][0].join(' ')}h2v2h-2z`;
}

async function chart() {
  const { code } = await minify(await text('uplot/dist/uPlot.esm.js'), { module: true, compress: { passes: 2 }, mangle: true, format: { comments: false } });
  return `/* uPlot, (c) Leon Sorokin, MIT */\n${code}\n`;
}

/** Text of each built file, by its name. */
export async function files() {
  return { 'uplot.js': await chart(), 'world.js': await world() };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const [name, content] of Object.entries(await files())) await writeFile(fileURLToPath(new URL(`vendor/${name}`, import.meta.url)), content);
}
