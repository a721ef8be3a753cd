//! Remedies that several checks name.

use crate::compliance::bilingual::{Bilingual, text};

pub(super) fn defective() -> Bilingual {
    text!("stop the collector: the program is defective", "arrêter le collecteur : le programme est défectueux")
}

pub(super) fn as_delivered() -> Bilingual {
    text!("use the script as delivered", "utiliser le script tel que livré")
}

/// The remedy for rows that the program never writes.
pub(super) fn delete_rows() -> Bilingual {
    text!(
        "delete these rows and find the program that wrote them",
        "supprimer ces lignes et trouver le programme qui les a écrites"
    )
}

pub(super) fn restore() -> Bilingual {
    text!(
        "find the program that changed the database; move your own tables elsewhere, and run `sillage migrate`",
        "trouver le programme qui a modifié la base ; déplacer vos propres tables ailleurs, et lancer `sillage migrate`"
    )
}

pub(super) fn migrate_or_restart() -> Bilingual {
    text!(
        "run `sillage migrate`, or restart `sillage serve` with this configuration",
        "lancer `sillage migrate`, ou redémarrer `sillage serve` avec cette configuration"
    )
}
