//! Ranges of days that the keys choose from.

use clap::ValueEnum;

/// A range of days that ends today.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TopRange {
    /// The day under way.
    #[value(name = "day")]
    Today,
    /// 7 days.
    #[value(name = "7d")]
    Week,
    /// 28 days.
    #[value(name = "28d")]
    FourWeeks,
    /// 91 days.
    #[value(name = "91d")]
    Quarter,
    /// 12 calendar months.
    #[value(name = "12mo")]
    Year,
    /// Everything that is kept.
    #[value(name = "all")]
    All,
}

impl TopRange {
    /// All ranges, the shortest first.
    pub const ALL: [Self; 6] = [Self::Today, Self::Week, Self::FourWeeks, Self::Quarter, Self::Year, Self::All];

    /// Its name in the query API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Today => "day",
            Self::Week => "7d",
            Self::FourWeeks => "28d",
            Self::Quarter => "91d",
            Self::Year => "12mo",
            Self::All => "all",
        }
    }

    /// Its title on the screen.
    pub fn title(self) -> &'static str {
        match self {
            Self::Today => "today",
            Self::Week => "7 days",
            Self::FourWeeks => "28 days",
            Self::Quarter => "91 days",
            Self::Year => "12 months",
            Self::All => "all",
        }
    }

    /// The next longer range, or the next shorter one; the last stays.
    pub(super) fn moved(self, longer: bool) -> Self {
        let at = Self::ALL.iter().position(|range| *range == self).unwrap_or_default();
        let next = if longer { at + 1 } else { at.saturating_sub(1) };
        Self::ALL.get(next).copied().unwrap_or(self)
    }
}
