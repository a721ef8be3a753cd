//! Screen class, from the viewport's width. The exact width, which helps to identify people, is dropped here.

/// The class of a width in CSS pixels. The bounds are the steps at which most style sheets change their layout.
pub fn screen_class(width: u32) -> &'static str {
    match width {
        0..=575 => "up to 575",
        576..=767 => "576-767",
        768..=991 => "768-991",
        992..=1199 => "992-1199",
        1200..=1439 => "1200-1439",
        1440..=1919 => "1440-1919",
        1920.. => "1920 and more",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_ends_where_its_name_says() {
        assert_eq!(screen_class(0), "up to 575");
        assert_eq!(screen_class(575), "up to 575");
        assert_eq!(screen_class(576), "576-767");
        assert_eq!(screen_class(1919), "1440-1919");
        assert_eq!(screen_class(u32::MAX), "1920 and more");
    }
}
