//! Countries by name: figures are stored by ISO 3166-1 code; a filter on names becomes one on codes.

use celes::Country;

use crate::console::query::vocabulary::QueryRefusal;
use crate::store::report::Operator;

/// The English name of a country, or the code where there is none (`(unknown)`, `(other)`).
pub(super) fn name_of(code: &str) -> String {
    Country::from_alpha2(code).map_or_else(|_| code.to_owned(), |country| country.long_name.to_owned())
}

/// A comparison of `visit:country_name` as one of `visit:country`: its operator and codes.
pub(super) fn by_code(
    operator: Operator,
    values: &[String],
    case_sensitive: bool,
) -> Result<(Operator, Vec<String>), QueryRefusal> {
    let lower = |text: &str| if case_sensitive { text.to_owned() } else { text.to_lowercase() };
    let values: Vec<String> = values.iter().map(|value| lower(value)).collect();
    let is_named = |name: &str| match operator {
        Operator::Is | Operator::IsNot => values.iter().any(|value| value == name),
        Operator::Contains | Operator::ContainsNot => values.iter().any(|value| name.contains(value.as_str())),
        Operator::Matches | Operator::MatchesNot => false,
    };
    let operator = match operator {
        Operator::Is | Operator::Contains => Operator::Is,
        Operator::IsNot | Operator::ContainsNot => Operator::IsNot,
        Operator::Matches | Operator::MatchesNot => {
            return Err(QueryRefusal(
                "`visit:country_name` is filtered by is, is_not, contains, contains_not; for `matches` write \
                 `visit:country` and its codes"
                    .into(),
            ));
        }
    };
    let named = Country::get_countries().into_iter().filter(|country| is_named(&lower(country.long_name)));
    Ok((operator, named.map(|country| country.alpha2.to_owned()).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_on_names_becomes_one_on_codes() {
        let named = |operator, value: &str| by_code(operator, &[value.to_owned()], false);
        assert_eq!(named(Operator::IsNot, "france").unwrap(), (Operator::IsNot, vec!["FR".to_owned()]));
        let (_, lands) = named(Operator::Contains, "land").unwrap();
        assert!(lands.contains(&"FI".to_owned()) && lands.contains(&"PL".to_owned()));
        assert!(named(Operator::Matches, "F.*").is_err());
    }

    #[test]
    fn a_code_without_a_country_stays_as_it_is() {
        assert_eq!(name_of("DE"), "Germany");
        assert_eq!(name_of("(other)"), "(other)");
    }
}
