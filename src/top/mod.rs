//! The console's figures in a terminal: asked over the console's own API with a token, drawn with ratatui. It opens no
//! database and sees the same figures as a browser with the token.

pub mod console;
pub mod figures;
mod hours;
pub mod range;
pub mod screen;
pub mod state;
