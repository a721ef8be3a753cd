//! URL and referrer hygiene.
