// Panels, targets and variables of these dashboards, built with Grafana's own builders.
// @ts-check
import * as barchart from '@grafana/grafana-foundation-sdk/barchart';
import * as bargauge from '@grafana/grafana-foundation-sdk/bargauge';
import * as common from '@grafana/grafana-foundation-sdk/common';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import * as geomap from '@grafana/grafana-foundation-sdk/geomap';
import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as table from '@grafana/grafana-foundation-sdk/table';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';

/** @typedef {import('@grafana/grafana-foundation-sdk/dashboard').DynamicConfigValue[]} Properties */
/** @typedef {{ title: string, description: string, unit?: string, noValue?: string, width?: number, height?: number }} Head */

export const CLICKHOUSE = { type: 'grafana-clickhouse-datasource', uid: '${datasource}' };
export const PROMETHEUS = { type: 'prometheus', uid: '${datasource}' };
const PLUGIN = '4.20.0';
export const NOTHING = 'Nothing published in this range';

/** A query of the ClickHouse data source, written by hand: Grafana's SDK has no module for it. */
export function sql(/** @type {string} */ rawSql, /** @type {'table' | 'timeseries'} */ queryType = 'table', refId = 'A') {
  const query = { datasource: CLICKHOUSE, editorType: 'sql', format: queryType === 'table' ? 1 : 0, pluginVersion: PLUGIN, queryType, rawSql, refId };
  return { build: () => /** @type {any} */ (query) };
}

/** A query in PromQL. */
export const promql = (/** @type {string} */ expr, /** @type {string} */ legend, refId = 'A') =>
  new prometheus.DataqueryBuilder().datasource(PROMETHEUS).expr(expr).legendFormat(legend).range().refId(refId);

/**
 * Sets the properties that all panels share.
 * @template {{ title: Function, description: Function, datasource: Function, unit: Function, noValue: Function, span: Function, height: Function }} P
 * @param {P} panel @param {Head} head @param {any} datasource @returns {P}
 */
function headed(panel, head, datasource) {
  panel.title(head.title);
  panel.description(head.description);
  panel.datasource(datasource);
  panel.unit(head.unit ?? 'short');
  panel.noValue(head.noValue ?? NOTHING);
  panel.span(head.width ?? 12);
  panel.height(head.height ?? 8);
  return panel;
}

const steps = (/** @type {[number | null, string][]} */ ...of) =>
  new dashboard.ThresholdsConfigBuilder().mode(dashboard.ThresholdsMode.Absolute)
    .steps(of.map(([value, color]) => ({ value, color })));
export const PLAIN = steps([null, 'blue']);
export { steps };

export const property = (/** @type {string} */ id, /** @type {any} */ value) => ({ id, value });

/** Several figures, each with its change from the previous period. */
export function stats(/** @type {Head} */ head, /** @type {string} */ rawSql, /** @type {Record<string, Properties>} */ fields = {}) {
  const panel = headed(new stat.PanelBuilder(), { height: 5, width: 24, ...head }, CLICKHOUSE)
    .withTarget(sql(rawSql, 'timeseries'))
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']).fields('').values(false))
    .showPercentChange(true).percentChangeColorMode(common.PercentChangeColorMode.Standard)
    .colorMode(common.BigValueColorMode.None).graphMode(common.BigValueGraphMode.None)
    .textMode(common.BigValueTextMode.ValueAndName).thresholds(PLAIN);
  for (const [name, properties] of Object.entries(fields)) panel.overrideByName(name, properties);
  return panel;
}

/** Lines or bars over time. */
export function overTime(/** @type {Head} */ head, /** @type {any[]} */ targets, { bars = false, stacked = false, datasource = /** @type {any} */ (CLICKHOUSE) } = {}) {
  const legend = new common.VizLegendOptionsBuilder().showLegend(true).displayMode(common.LegendDisplayMode.List).placement(common.LegendPlacement.Bottom);
  const tooltip = new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi).sort(common.SortOrder.Descending);
  const panel = headed(new timeseries.PanelBuilder(), { height: 9, width: 24, ...head }, datasource)
    .legend(legend).tooltip(tooltip).thresholds(PLAIN).min(0)
    .drawStyle(bars ? common.GraphDrawStyle.Bars : common.GraphDrawStyle.Line)
    .lineWidth(bars ? 0 : 2).fillOpacity(bars ? 70 : 10).showPoints(common.VisibilityMode.Auto);
  if (stacked) panel.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal));
  for (const target of targets) panel.withTarget(target);
  return panel;
}

export const DASHED = [property('custom.lineStyle', { fill: 'dash', dash: [6, 6] }), property('custom.fillOpacity', 0), property('color', { mode: 'fixed', fixedColor: 'gray' })];

/** A table; `fields` maps a column to its properties. */
export function rows(/** @type {Head} */ head, /** @type {string} */ rawSql, /** @type {Record<string, Properties>} */ fields = {}) {
  const panel = headed(new table.PanelBuilder(), { height: 10, width: 12, ...head }, CLICKHOUSE)
    .withTarget(sql(rawSql)).showHeader(true).filterable(false).thresholds(PLAIN);
  for (const [name, properties] of Object.entries({ Change: CHANGE, ...fields })) panel.overrideByName(name, properties);
  return panel;
}

const CHANGE = [
  property('unit', 'percent'), property('custom.width', 90), property('noValue', '–'),
  property('custom.cellOptions', { type: 'color-text' }),
  property('thresholds', { mode: 'absolute', steps: [{ value: null, color: 'red' }, { value: 0, color: 'text' }, { value: 0.5, color: 'green' }] }),
];

/** A bar for each row of a table with a name and a figure. */
export function bars(/** @type {Head} */ head, /** @type {string} */ rawSql) {
  return headed(new bargauge.PanelBuilder(), { height: 10, width: 8, ...head }, CLICKHOUSE)
    .withTarget(sql(rawSql))
    .reduceOptions(new common.ReduceDataOptionsBuilder().values(true).calcs([]).fields('').limit(12))
    .orientation(common.VizOrientation.Horizontal).displayMode(common.BarGaugeDisplayMode.Basic)
    .valueMode(common.BarGaugeValueMode.Text).namePlacement(common.BarGaugeNamePlacement.Auto)
    .showUnfilled(false).min(0).thresholds(PLAIN);
}

/** Columns beside each other: a distribution, or hours of the day. */
export function columns(/** @type {Head} */ head, /** @type {string} */ rawSql, /** @type {string} */ xField) {
  return headed(new barchart.PanelBuilder(), { height: 8, width: 12, ...head }, CLICKHOUSE)
    .withTarget(sql(rawSql)).xField(xField).orientation(common.VizOrientation.Vertical)
    .legend(new common.VizLegendOptionsBuilder().showLegend(false).displayMode(common.LegendDisplayMode.Hidden).placement(common.LegendPlacement.Bottom))
    .showValue(common.VisibilityMode.Never).fillOpacity(80).lineWidth(0).min(0).thresholds(PLAIN);
}

/** Circles on a map, placed by the country's ISO code. Grafana's own borders file is its base map: no tile server is asked. */
export function world(/** @type {Head} */ head, /** @type {string} */ rawSql, /** @type {string} */ field) {
  const layer = new common.MapLayerOptionsBuilder().type('markers').name(field)
    .location(/** @type {any} */ ({ build: () => ({ mode: 'lookup', lookup: 'Country', gazetteer: 'public/gazetteer/countries.json' }) }))
    .config({ showLegend: false, style: { size: { field, fixed: 5, min: 4, max: 24 }, color: { fixed: 'blue' }, opacity: 0.6, symbol: { mode: 'fixed', fixed: 'img/icons/marker/circle.svg' } } })
    .tooltip(true);
  const basemap = new common.MapLayerOptionsBuilder().type('geojson').name('Borders')
    .config({ src: 'public/maps/countries.geojson', rules: [], style: { color: { fixed: 'text' }, opacity: 0.25, lineWidth: 1 } });
  return headed(new geomap.PanelBuilder(), { height: 12, width: 12, ...head }, CLICKHOUSE)
    .withTarget(sql(rawSql)).layers([layer]).basemap(basemap)
    .view(new geomap.MapViewConfigBuilder().id('coords').lat(28).lon(8).zoom(1.6))
    .controls(new geomap.ControlsOptionsBuilder().showZoom(true).mouseWheelZoom(false).showAttribution(true))
    .thresholds(PLAIN);
}

/** A link of a cell to another dashboard; it keeps the range and the site. */
export function linkTo(/** @type {string} */ uid, /** @type {string} */ title, variables = '') {
  const url = `/d/${uid}?\${__url_time_range}&\${site:queryparam}&\${datasource:queryparam}${variables}`;
  return property('links', [{ title, url, targetBlank: false }]);
}

/** Link in a dashboard's head to the other dashboards. */
export const siblings = () => new dashboard.DashboardLinkBuilder('Sillage').type(dashboard.DashboardLinkType.Dashboards)
  .tags(['sillage']).asDropdown(false).includeVars(true).keepTime(true).icon('external link').tooltip('The other dashboards, same site and range');
