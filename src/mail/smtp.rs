//! The way to the mail server. A server's words may quote a recipient: of an answer only its number leaves this file.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use crate::config::{self, MailConfig, MailSecurity};
use crate::http::certificate::CertificateFault;
use crate::mail::letter::Letter;

/// Longest wait for one answer of the server.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// Longest wait for one mail, all answers together.
const SENDING_WAIT: Duration = Duration::from_secs(30);

/// Why a mail was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// No connection, or it broke off.
    #[error("mail server unreachable; check mail.host and mail.port")]
    Unreachable,
    /// Not encrypted as configured, or a certificate that no known authority signed.
    #[error("mail server without the configured encryption; check mail.security, mail.port and mail.ca_file")]
    Tls,
    /// A certificate that is refused; the password was not sent.
    #[error("mail server refused: {0} (mail.ca_file names one too)")]
    Certificate(CertificateFault),
    /// A temporary failure; the number is the server's answer.
    #[error("mail server answered {0}, temporary failure; retrying")]
    Later(u16),
    /// A permanent failure; the number is the server's answer.
    #[error("mail server answered {0}, mail rejected; check mail.user, mail.from and the recipient")]
    Rejected(u16),
    /// An address or a header that no mail can have.
    #[error("malformed address or name in the mail")]
    Malformed,
}

/// Why mail cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum MailSetupError {
    /// A file that the configuration names.
    #[error("{key}: {file}: {error}")]
    File {
        /// Full name of the key.
        key: &'static str,
        /// Path of the file, as configured.
        file: String,
        /// Error of the operating system.
        error: io::Error,
    },
    /// The sender, or a certificate.
    #[error("{0}: not valid; run `sillage check`")]
    Value(&'static str),
}

/// Hands mails to the configured server.
pub struct SmtpSender {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// One mail, ready to be handed over.
pub struct OutgoingMail<'m> {
    /// Mail address of the recipient.
    pub to: &'m str,
    /// Subject and bodies of the mail.
    pub letter: &'m Letter,
    /// Where one click ends the subscription; none for a test.
    pub unsubscribe: Option<&'m str>,
    /// The same for the same mail, so that a server that gets it twice can tell.
    pub id: &'m str,
    /// Time of the mail, for its header `Date`.
    pub now: Timestamp,
}

impl SmtpSender {
    /// For this server; nothing where none is configured. Reads the password.
    ///
    /// # Errors
    /// A file that cannot be read, or a value that is not understood.
    pub fn new(config: &MailConfig) -> Result<Option<Self>, MailSetupError> {
        if !config.sends_mail() {
            return Ok(None);
        }
        let from = config.from.parse().map_err(|_| MailSetupError::Value("mail.from"))?;
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&config.host)
            .port(config.port)
            .timeout(Some(ANSWER_WAIT))
            .tls(encryption(config)?);
        if !config.user.is_empty() {
            let password = secret("mail.password_file", &config.password_file)?;
            transport = transport.credentials(Credentials::new(config.user.clone(), password));
        }
        Ok(Some(Self { transport: transport.build(), from }))
    }

    /// Whether the server answers, encrypted and signed in as configured.
    ///
    /// # Errors
    /// See [`MailError`].
    pub async fn reach(&self) -> Result<(), MailError> {
        match tokio::time::timeout(SENDING_WAIT, self.transport.test_connection()).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) | Err(_) => Err(MailError::Unreachable),
            Ok(Err(error)) => Err(MailError::of(&error)),
        }
    }

    /// Hands over one mail.
    ///
    /// # Errors
    /// See [`MailError`].
    pub async fn send(&self, mail: &OutgoingMail<'_>) -> Result<(), MailError> {
        let message = self.message(mail).ok_or(MailError::Malformed)?;
        match tokio::time::timeout(SENDING_WAIT, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(MailError::of(&error)),
            Err(_) => Err(MailError::Unreachable),
        }
    }

    fn message(&self, mail: &OutgoingMail<'_>) -> Option<Message> {
        let host = self.from.email.domain();
        let parts = MultiPart::alternative()
            .singlepart(part(ContentType::TEXT_PLAIN, &mail.letter.text))
            .singlepart(part(ContentType::TEXT_HTML, &mail.letter.html));
        let date = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(mail.now.as_second()).ok()?);
        let message = Message::builder()
            .from(self.from.clone())
            .to(mail.to.parse().ok()?)
            .subject(&mail.letter.subject)
            .date(date)
            .message_id(Some(format!("<{}@{host}>", mail.id)));
        let mut message = message.multipart(parts).ok()?;
        let mut header = |name: &'static str, value: String| {
            message.headers_mut().insert_raw(HeaderValue::new(HeaderName::new_from_ascii_str(name), value));
        };
        header("Auto-Submitted", "auto-generated".into());
        if let Some(link) = mail.unsubscribe {
            // RFC 8058: a mail program posts `List-Unsubscribe=One-Click` to the link.
            header("List-Unsubscribe", format!("<{link}>"));
            header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".into());
        }
        Some(message)
    }
}

impl MailError {
    /// Whether the server accepts no mail now, for any recipient.
    pub(super) fn is_of_server(self) -> bool {
        matches!(self, Self::Unreachable | Self::Tls | Self::Certificate(_))
    }

    fn of(error: &lettre::transport::smtp::Error) -> Self {
        if let Some(fault) = CertificateFault::of(error) {
            return Self::Certificate(fault);
        }
        let status = error.status().map_or(0, u16::from);
        if error.is_permanent() {
            Self::Rejected(status)
        } else if error.is_transient() {
            Self::Later(status)
        } else if error.is_tls() || error.is_client() {
            Self::Tls
        } else {
            Self::Unreachable
        }
    }
}

fn part(kind: ContentType, text: &str) -> SinglePart {
    SinglePart::builder().header(kind).body(text.to_owned())
}

fn encryption(config: &MailConfig) -> Result<Tls, MailSetupError> {
    if config.security == MailSecurity::None {
        return Ok(Tls::None);
    }
    let mut parameters = TlsParameters::builder(config.host.clone());
    let named = (!config.ca_file.is_empty()).then(|| ("mail.ca_file", PathBuf::from(&config.ca_file)));
    let of_environment = config::authorities_file().map(|file| ("SSL_CERT_FILE", file));
    for (key, file) in named.into_iter().chain(of_environment) {
        let failed = |error| MailSetupError::File { key, file: file.display().to_string(), error };
        let pem = std::fs::read(&file).map_err(failed)?;
        let authority = Certificate::from_pem(&pem).map_err(|_| MailSetupError::Value(key))?;
        parameters = parameters.add_root_certificate(authority);
    }
    let parameters = parameters.build().map_err(|_| MailSetupError::Value("mail.host"))?;
    Ok(if config.security == MailSecurity::Tls { Tls::Wrapper(parameters) } else { Tls::Required(parameters) })
}

/// The first line of a file that holds a secret.
///
/// # Errors
/// When it cannot be read.
pub(super) fn secret(key: &'static str, file: &str) -> Result<String, MailSetupError> {
    let text = std::fs::read_to_string(file);
    let text = text.map_err(|error| MailSetupError::File { key, file: file.to_owned(), error })?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}
