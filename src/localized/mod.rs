//! Values of figures as a reader's language writes them: numbers, dates, countries, kinds of devices. Must change no
//! figure, and must leave a value that it does not know as it is.

use jiff::civil::Date;

use crate::compliance::bilingual::{Bilingual, Lang, plural, pluriel};
use crate::event::Dimension;

/// ISO 3166-1 code, English and French name of each country, separated by tabs, from Unicode CLDR 48.
const COUNTRIES: &str = include_str!("countries.tsv");

const MONTHS: [[&str; 2]; 12] = [
    ["January", "janvier"],
    ["February", "février"],
    ["March", "mars"],
    ["April", "avril"],
    ["May", "mai"],
    ["June", "juin"],
    ["July", "juillet"],
    ["August", "août"],
    ["September", "septembre"],
    ["October", "octobre"],
    ["November", "novembre"],
    ["December", "décembre"],
];

/// Values that are words of ours: stored value, English, French.
const WORDS: [[&str; 3]; 8] = [
    ["(direct)", "(direct or unknown)", "(direct ou inconnu)"],
    ["(unknown)", "(unknown)", "(inconnu)"],
    ["(other)", "(other)", "(autres)"],
    ["desktop", "Desktop", "Ordinateur"],
    ["mobile", "Mobile", "Mobile"],
    ["tablet", "Tablet", "Tablette"],
    ["tv", "TV", "Télévision"],
    ["other", "Other", "Autre"],
];

/// Separator of thousands in French, and the space before a percent sign.
const NARROW: char = '\u{202f}';

fn pick([english, french]: [&str; 2], lang: Lang) -> &str {
    match lang {
        Lang::En => english,
        Lang::Fr => french,
    }
}

/// A whole number, its thousands apart.
pub fn count(figure: i64, lang: Lang) -> String {
    let digits = figure.unsigned_abs().to_string();
    let mut written = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            written.push(if lang == Lang::Fr { NARROW } else { ',' });
        }
        written.push(digit);
    }
    if figure < 0 { format!("−{written}") } else { written }
}

/// `figure`, a number as it is to be written, with a percent sign.
pub fn percent(figure: &str, lang: Lang) -> String {
    match lang {
        Lang::En => format!("{figure}%"),
        Lang::Fr => format!("{figure}{NARROW}%"),
    }
}

/// A noun after `number`: English and French, each for one and for several. French counts zero as one.
pub fn noun(number: i64, english: [&'static str; 2], french: [&'static str; 2]) -> Bilingual {
    Bilingual { en: plural(number, english).to_owned(), fr: pluriel(number, french).to_owned() }
}

/// A day: `9 March 2026`, `9 mars 2026`.
pub fn day(date: Date, lang: Lang) -> String {
    format!("{} {}", day_of_month(date, lang), month(date, lang))
}

/// The month of a day: `March 2026`.
pub fn month(date: Date, lang: Lang) -> String {
    format!("{} {}", month_name(date, lang), date.year())
}

/// Days from one to another, without saying twice what they share: `9 to 15 March 2026`.
pub fn days(from: Date, to: Date, lang: Lang) -> String {
    let until = pick(["to", "au"], lang);
    let first = match (from.year() == to.year(), from.month() == to.month()) {
        (true, true) => day_of_month(from, lang),
        (true, false) => format!("{} {}", day_of_month(from, lang), month_name(from, lang)),
        (false, _) => day(from, lang),
    };
    format!("{first} {until} {}", day(to, lang))
}

fn day_of_month(date: Date, lang: Lang) -> String {
    if lang == Lang::Fr && date.day() == 1 { "1er".to_owned() } else { date.day().to_string() }
}

fn month_name(date: Date, lang: Lang) -> &'static str {
    let at = usize::from(date.month().unsigned_abs().saturating_sub(1));
    MONTHS.get(at).map_or("", |names| pick(*names, lang))
}

/// A period as figures have it, `2026-03-09`, `2026-03-09 14:00:00` or `2026-03-09T14:00`: day and hour.
pub fn moment(label: &str, lang: Lang) -> String {
    let Some(date) = label.get(..10).and_then(|date| date.parse().ok()) else { return label.to_owned() };
    let day = day(date, lang);
    match label.get(11..16) {
        Some(time) => format!("{day}, {time}"),
        None => day,
    }
}

/// A value of a dimension, by name.
pub fn value(dimension: Dimension, value: &str, lang: Lang) -> String {
    if dimension == Dimension::Country
        && let Some(name) = country(value, lang)
    {
        return name.to_owned();
    }
    let is_ours = value.starts_with('(') || dimension == Dimension::Device;
    let ours = WORDS.iter().find(|[stored, ..]| is_ours && *stored == value);
    ours.map_or_else(|| value.to_owned(), |[_, en, fr]| pick([en, fr], lang).to_owned())
}

fn country(code: &str, lang: Lang) -> Option<&'static str> {
    let line = COUNTRIES.lines().find(|line| line.split('\t').next() == Some(code))?;
    line.split('\t').nth(if lang == Lang::En { 1 } else { 2 })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn numbers_and_their_nouns_follow_each_language() {
        assert_eq!([count(1_234_567, Lang::En), count(-1_234, Lang::Fr)], ["1,234,567", "−1\u{202f}234"]);
        assert_eq!([percent("40", Lang::En), percent("40", Lang::Fr)], ["40%", "40\u{202f}%"]);
        let visitors = |number| noun(number, ["visitor", "visitors"], ["visiteur", "visiteurs"]);
        let words = [0, 1, 2].map(|number| (visitors(number).en, visitors(number).fr));
        let words = words.each_ref().map(|(en, fr)| (en.as_str(), fr.as_str()));
        assert_eq!(words, [("visitors", "visiteur"), ("visitor", "visiteur"), ("visitors", "visiteurs")]);
    }

    #[test]
    fn days_are_written_without_saying_twice_what_they_share() {
        let (last, first, within) = (date(2025, 12, 29), date(2026, 1, 1), date(2026, 1, 4));
        for (from, to, english, french) in [
            (first, within, "1 to 4 January 2026", "1er au 4 janvier 2026"),
            (date(2026, 1, 26), date(2026, 2, 1), "26 January to 1 February 2026", "26 janvier au 1er février 2026"),
            (last, within, "29 December 2025 to 4 January 2026", "29 décembre 2025 au 4 janvier 2026"),
        ] {
            assert_eq!([days(from, to, Lang::En), days(from, to, Lang::Fr)], [english, french]);
        }
        assert_eq!(moment("2026-03-09 14:00:00", Lang::En), "9 March 2026, 14:00");
        assert_eq!(moment("2026-03-09", Lang::Fr), "9 mars 2026");
        assert_eq!(moment("/page", Lang::Fr), "/page");
    }

    #[test]
    fn every_country_has_a_name_in_both_languages_and_other_values_stay() {
        assert_eq!(value(Dimension::Country, "DE", Lang::Fr), "Allemagne");
        assert_eq!(value(Dimension::Country, "DE", Lang::En), "Germany");
        for line in COUNTRIES.lines() {
            let names: Vec<&str> = line.split('\t').collect();
            assert!(
                matches!(names[..], [code, en, fr] if code.len() == 2 && !en.is_empty() && !fr.is_empty()),
                "{line}"
            );
        }
        for country in celes::Country::get_countries() {
            assert!(super::country(country.alpha2, Lang::Fr).is_some(), "{}", country.alpha2);
        }
        assert_eq!(value(Dimension::Country, "(unknown)", Lang::Fr), "(inconnu)");
        assert_eq!(value(Dimension::Device, "desktop", Lang::Fr), "Ordinateur");
        assert_eq!(value(Dimension::Browser, "other", Lang::Fr), "other");
    }
}
