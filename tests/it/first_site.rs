//! A first site: `sillage init` writes a configuration that starts.

use tokio::process::Command;

/// Runs the program in `folder`; returns exit code and standard output.
async fn sillage(folder: &std::path::Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_sillage")).args(arguments).current_dir(folder).output().await.unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn init_writes_a_configuration_that_check_accepts_and_never_overwrites() {
    let folder = tempfile::tempdir().unwrap();
    let (code, output) = sillage(folder.path(), &["init", "shop.example", "--controller", "Shop"]).await;
    assert_eq!(code, Some(0));
    assert!(output.contains("sign-in?token=sillage_") && output.contains("data-site=\"shop.example\""), "{output}");
    let (code, checked) = sillage(folder.path(), &["check"]).await;
    assert_eq!(code, Some(0), "{checked}");
    let written = std::fs::read(folder.path().join("sillage.toml")).unwrap();
    assert_eq!(sillage(folder.path(), &["init", "other.example"]).await.0, Some(2));
    assert_eq!(std::fs::read(folder.path().join("sillage.toml")).unwrap(), written);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_cannot_write_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("taken"), "").unwrap();
    for (arguments, file) in [
        (&["backup", "--new-key", "taken"][..], "taken"),
        (&["generate", "taken/below"], "taken/below/man"),
        (
            &[
                "simulate",
                "--site",
                "a.example",
                "--days",
                "1",
                "--visitors-per-day",
                "1",
                "--truth",
                "none/truth.json",
            ],
            "none/truth.json",
        ),
        (&["init", "shop.example", "--config", "taken"], "taken"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sillage"));
        let output = command.args(arguments).current_dir(folder.path()).output().await.unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(file), "{arguments:?}: {error}");
    }
}
