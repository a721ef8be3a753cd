//! Cost of a pageview against rate, sites, pages and visitors: one of them is varied, the others are fixed. Writes
//! `scaling.csv`, and a plot of each series for the documents.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use crate::Extent;
use crate::cost::{Cost, at_rate};
use crate::results::Results;
use crate::traffic::Plan;

/// One series: its variable, and the values.
type Series = (&'static str, &'static [f64]);

const SERIES: [Series; 4] = [
    ("pageviews a second", &[300.0, 1_000.0, 3_000.0, 10_000.0, 20_000.0, 40_000.0]),
    ("sites", &[1.0, 10.0, 100.0, 1_000.0]),
    ("pages", &[10.0, 100.0, 1_000.0, 10_000.0]),
    ("visitors", &[1_000.0, 10_000.0, 100_000.0, 500_000.0]),
];

/// Pageviews a second while another variable changes; `RATE_OF_VISITORS` while visitors do.
const RATE: f64 = 5_000.0;
const RATE_OF_VISITORS: f64 = 20_000.0;
/// More pageviews than a visitor has, on average.
const VIEWS: f64 = 4.0;

/// Measures all series, or the selected one, and writes them into `folder`.
pub(crate) fn run(extent: &Extent, folder: &Path, results: &mut Results) {
    let mut csv = String::from("varied,value,collector_us,engine_us,p99_ms,anon_mib,database_bytes_per_pageview\n");
    std::fs::create_dir_all(folder).unwrap();
    let wanted = |varied: &str| extent.varied.as_ref().is_none_or(|asked| varied.contains(asked.as_str()));
    for (varied, values) in SERIES.into_iter().filter(|(varied, _)| wanted(varied)) {
        let mut points = Vec::new();
        for value in values.iter().copied().take(extent.points) {
            let (plan, rate, time) = point(varied, value, extent);
            let name = format!("{value} {varied}");
            let cost = at_rate(&name, (plan, extent.setup(15)), rate, time, results);
            let Cost { collector_us, engine_us, p99_ms, anon_mib, database_bytes } = cost;
            writeln!(
                csv,
                "{varied},{value},{collector_us:.2},{engine_us:.2},{p99_ms:.2},{anon_mib:.1},{database_bytes:.2}"
            )
            .unwrap();
            points.push((value, [collector_us, engine_us, collector_us + engine_us]));
        }
        let file = format!("scaling-{}.svg", varied.replace(' ', "-"));
        std::fs::write(folder.join(file), plot(varied, &points)).unwrap();
        std::fs::write(folder.join("scaling.csv"), &csv).unwrap();
    }
}

/// Traffic, rate and duration of a point: long enough for every visitor to come.
fn point(varied: &str, value: f64, extent: &Extent) -> (Plan, f64, Duration) {
    let (plan, count) = (Plan { people: extent.people, ..Plan::PAGEVIEWS }, value as u64);
    let all = Duration::from_secs_f64(value * VIEWS / RATE_OF_VISITORS);
    match varied {
        "sites" => (Plan { sites: count, ..plan }, RATE, extent.scaling),
        "pages" => (Plan { pages: count as usize, ..plan }, RATE, extent.scaling),
        "visitors" => {
            let people = plan.people.min(count as u32);
            let plan = Plan { people, rounds: count.div_ceil(u64::from(people)), ..plan };
            (plan, RATE_OF_VISITORS, extent.scaling.max(all))
        }
        _ => (plan, value, extent.scaling),
    }
}

/// The lines of a plot, their names and colours.
const LINES: [(&str, &str); 3] = [("collector", "#1f6f8b"), ("engine", "#c8553d"), ("both", "#444444")];
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 60.0;
const BOTTOM: f64 = 50.0;
const TOP: f64 = 24.0;

/// Microseconds per pageview over a logarithmic axis.
fn plot(varied: &str, points: &[(f64, [f64; 3])]) -> String {
    let (first, last) = (points[0].0, points[points.len() - 1].0.max(points[0].0 * 1.01));
    let most = points.iter().map(|(_, costs)| costs[2]).fold(1.0, f64::max) * 1.1;
    let x = |value: f64| LEFT + (value / first).ln() / (last / first).ln() * (WIDTH - LEFT - 110.0);
    let y = |cost: f64| HEIGHT - BOTTOM - cost / most * (HEIGHT - BOTTOM - TOP);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <title>Processor time of a pageview against {varied}</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"{LEFT}\" y=\"14\">µs of processor time a pageview</text>\n\
         <text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{varied}</text>\n",
        WIDTH / 2.0,
        HEIGHT - 10.0
    );
    for part in 0..=4 {
        let cost = most * f64::from(part) / 4.0;
        writeln!(
            svg,
            "<path d=\"M{LEFT} {0:.1}H{1:.1}\" stroke=\"#dddddd\"/><text x=\"{2}\" y=\"{3:.1}\" text-anchor=\"end\">{cost:.0}</text>",
            y(cost),
            x(last),
            LEFT - 6.0,
            y(cost) + 4.0
        )
        .unwrap();
    }
    for (value, _) in points {
        let at = HEIGHT - BOTTOM + 18.0;
        writeln!(svg, "<text x=\"{:.1}\" y=\"{at}\" text-anchor=\"middle\">{value}</text>", x(*value)).unwrap();
    }
    for (line, (name, colour)) in LINES.into_iter().enumerate() {
        let path: Vec<String> =
            points.iter().map(|(at, costs)| format!("{:.1} {:.1}", x(*at), y(costs[line]))).collect();
        let end = y(points[points.len() - 1].1[line]);
        writeln!(
            svg,
            "<path d=\"M{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{name}</text>",
            path.join("L"),
            x(last) + 8.0,
            end + 4.0
        )
        .unwrap();
    }
    svg.push_str("</svg>\n");
    svg
}
