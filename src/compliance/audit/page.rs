//! The documentation of the rules, `docs/rules.md`, generated from the tables. `sillage audit --rules` prints it; a
//! test fails when the file differs.

use crate::compliance::audit::checks::CHECKS;
use crate::compliance::audit::report::{cited, line};
use crate::compliance::bilingual::Lang;
use crate::compliance::rules::{RULES, SELF_ASSESSMENT, SOURCES};

/// The page as Markdown.
pub fn rules_page() -> String {
    let mut page = String::from(
        "# The rules that Sillage keeps\n\nThe program generates this page: `sillage audit --rules > docs/rules.md`. \
         Audit, notice and privacy page come from the same table. `sillage audit` reports the rules that a running \
         set-up holds.\n\n",
    );
    line(&mut page, format_args!("{}\n\n{}", SELF_ASSESSMENT.en, SELF_ASSESSMENT.fr));
    line(&mut page, format_args!("\n## Sources\n\n| | text | read as of |\n|---|---|---|"));
    for source in SOURCES {
        let date = if source.date.en.is_empty() { "without a date" } else { source.date.en };
        line(&mut page, format_args!("| {} | {} | {date} |", source.letter, source.name.en));
    }
    line(&mut page, format_args!("\n## Rules"));
    for (rule, check) in RULES.iter().zip(&CHECKS) {
        line(&mut page, format_args!("\n### R{} {}\n\n{}\n", rule.number, rule.title.en, rule.text.en));
        line(&mut page, format_args!("- **How it is held:** {}", rule.held.en));
        line(&mut page, format_args!("- **The audit looks at** {}.", check.subject.en));
        if let Some(person) = rule.person {
            line(&mut page, format_args!("- **For a person to do:** {}", person.en));
        }
        let sources: Vec<String> = rule.sources.iter().map(|source| cited(source, Lang::En)).collect();
        line(&mut page, format_args!("- **Sources:** {}", sources.join("; ")));
    }
    line(&mut page, format_args!("\n## Les règles, en français"));
    for (rule, check) in RULES.iter().zip(&CHECKS) {
        line(&mut page, format_args!("\n### R{} {}\n\n{}\n", rule.number, rule.title.fr, rule.text.fr));
        line(&mut page, format_args!("- **Comment elle est tenue :** {}", rule.held.fr));
        line(&mut page, format_args!("- **L'audit examine :** {}.", check.subject.fr));
        if let Some(person) = rule.person {
            line(&mut page, format_args!("- **Reste à faire :** {}", person.fr));
        }
        let letters: Vec<String> = rule.sources.iter().map(|source| source.letter.to_string()).collect();
        line(&mut page, format_args!("- **Sources :** {}", letters.join(", ")));
    }
    page.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_docs_is_the_one_that_the_table_makes() {
        let file = std::fs::read_to_string("docs/rules.md").unwrap_or_default();
        assert!(
            file.trim_end() == rules_page(),
            "docs/rules.md differs from the tables; generate it: cargo run -- audit --rules > docs/rules.md"
        );
    }
}
