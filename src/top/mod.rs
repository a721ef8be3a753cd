//! The console's figures in a terminal: asked over the console's own API with a token, drawn with ratatui. It opens no
//! database and sees what the token's browser would see.

pub mod console;
pub mod figures;
pub mod range;
pub mod screen;
pub mod state;
