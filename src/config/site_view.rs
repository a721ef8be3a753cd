//! `[[site.goal]]`, `[[site.group]]`, `[[site.annotation]]`: display settings of a site in the console. Must never
//! change which hits are counted.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::config::read;

/// `[[site.goal]]`: an action or a page whose visitors are shown as a share of all.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GoalConfig {
    /// Name shown in the console.
    pub name: String,
    /// Action that reaches the goal; empty: a page does.
    pub action: String,
    /// Page that reaches the goal; a trailing `*` stands for anything.
    pub page: String,
}

/// `[[site.group]]`: pages that are shown as one page.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GroupConfig {
    /// Name shown in the console.
    pub name: String,
    /// Path prefixes of the pages, such as `/blog/`.
    pub paths: Vec<String>,
}

/// `[[site.annotation]]`: a note on a day of the site's charts.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AnnotationConfig {
    /// Site-local day of the note.
    #[serde(deserialize_with = "read::date")]
    pub day: Option<Date>,
    /// Text of the note, 1 to 200 characters.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    fn refusal(text: &str) -> String {
        Config::from_toml(&format!("[[site]]\nname = \"a.example\"\n{text}")).unwrap_err().to_string()
    }

    #[test]
    fn a_goal_is_reached_by_an_action_or_a_page_but_not_both() {
        assert!(refusal("[[site.goal]]\nname = \"Order\"").contains("site.goal"));
        assert!(
            refusal("[[site.goal]]\nname = \"Order\"\naction = \"Order\"\npage = \"/thanks\"").contains("site.goal")
        );
        let kept = Config::from_toml("[[site]]\nname = \"a\"\n[[site.goal]]\nname = \"Order\"\npage = \"/thanks\"");
        assert_eq!(kept.unwrap().site[0].goal[0].page, "/thanks");
    }

    #[test]
    fn an_annotation_needs_a_day_and_a_text() {
        assert!(refusal("[[site.annotation]]\nday = 2026-03-01\ntext = \"\"").contains("site.annotation"));
        assert!(refusal("[[site.annotation]]\nday = \"soon\"\ntext = \"x\"").contains("YYYY-MM-DD"));
    }

    #[test]
    fn a_group_needs_paths_and_an_embedding_page_an_origin() {
        assert!(refusal("[[site.group]]\nname = \"Blog\"").contains("site.group"));
        assert!(refusal("embed_on = [\"example.org\"]").contains("site.embed_on"));
    }
}
