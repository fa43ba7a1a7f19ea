//! Mail of voice-mail systems, over a connection as they make it.

use std::net::SocketAddr;

use actas_agent::StorageItem;
use actas_agent::source::Sources;
use actas_runtime::config::SourcesConfig;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::peer::Scene;

struct Office {
    scene: Scene,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Office {
    async fn open() -> Self {
        let scene = Scene::set().await;
        // A port that was free a moment ago.
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let sources = Sources::new(scene.agent.clone(), &config(address)).unwrap();
        let (stop, stopped) = watch::channel(false);
        let tasks = sources.start(&stopped).unwrap();
        Self { scene, address, stop, tasks }
    }

    async fn connect(&self) -> Client {
        let mut client = Client(BufReader::new(TcpStream::connect(self.address).await.unwrap()));
        assert!(client.answer().await.starts_with("220 "));
        assert!(client.say("EHLO pbx").await.starts_with("250 "));
        client
    }

    async fn items(&self) -> Vec<StorageItem> {
        let queued = self.scene.agent.queue().newest(100).await.unwrap();
        let mut items: Vec<StorageItem> =
            queued.iter().map(|item| serde_json::from_str(&item.document).unwrap()).collect();
        items.sort_by(|one, other| one.owner().cmp(other.owner()));
        items
    }
}

struct Client(BufReader<TcpStream>);

impl Client {
    /// The last line of an answer.
    async fn answer(&mut self) -> String {
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).await.unwrap() == 0 {
                return "closed".to_owned();
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                return line;
            }
        }
    }

    async fn say(&mut self, command: &str) -> String {
        self.raw(format!("{command}\r\n").as_bytes()).await;
        self.answer().await
    }

    async fn raw(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// Sends a message to recipients; what was said to its end.
    async fn mail(&mut self, to: &[&str], message: &str) -> String {
        assert!(self.say("MAIL FROM:<asterisk@pbx.example>").await.starts_with("250"));
        for to in to {
            assert!(self.say(&format!("RCPT TO:<{to}>")).await.starts_with("250"), "{to}");
        }
        assert!(self.say("DATA").await.starts_with("354"));
        self.raw(message.replace('\n', "\r\n").as_bytes()).await;
        self.say("\r\n.").await
    }
}

fn config(address: SocketAddr) -> SourcesConfig {
    SourcesConfig {
        smtp_listen: Some(address),
        domains: [("pbx.example".to_owned(), "fabrikam.example".to_owned())].into(),
        ..SourcesConfig::default()
    }
}

/// As Asterisk's app_voicemail writes it.
fn voice_mail(sound: &[u8]) -> String {
    let encoded = STANDARD.encode(sound);
    let lines: Vec<&str> = encoded.as_bytes().chunks(72).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!(
        "Date: Wed, 25 Nov 2026 03:00:00 +0100\nFrom: \"Asterisk PBX\" <asterisk@pbx.example>\n\
         To: \"Omar\" <omar@pbx.example>\nSubject: [PBX]: New message 1 in mailbox 1002\n\
         Message-ID: <Asterisk-1-2-1002-3@pbx>\nMIME-Version: 1.0\n\
         Content-Type: multipart/mixed; boundary=\"----voicemail_1\"\n\nThis is multi-part.\n\n\
         ------voicemail_1\nContent-Type: text/plain; charset=ISO-8859-1\nContent-Transfer-Encoding: 8bit\n\n\
         Dear Omar:\n\n..you were just left a 0:21 long message.\n\n\
         ------voicemail_1\nContent-Type: audio/x-wav; name=\"msg0000.wav\"\n\
         Content-Transfer-Encoding: base64\nContent-Disposition: attachment; filename=\"msg0000.wav\"\n\n{}\n\n\
         ------voicemail_1--\n",
        lines.join("\n")
    )
}

#[tokio::test]
async fn a_message_with_sound_is_voice_mail_of_its_recipients() {
    let mut office = Office::open().await;
    let mut client = office.connect().await;
    let message = voice_mail(&vec![7; 20_000]).replace("\n..you", "\n...you");
    let reply = client.mail(&["omar@pbx.example", "lena@pbx.example"], &message).await;
    assert_eq!(reply, "250 2.0.0 on disk, items: 2\r\n");
    // The answer was lost, and the same is sent again.
    assert!(client.mail(&["omar@pbx.example"], &message).await.starts_with("250"));
    let items = office.items().await;
    let [lena, omar] = items.as_slice() else { panic!("{items:?}") };
    assert_eq!((lena.owner(), omar.owner()), ("lena@fabrikam.example", "omar@fabrikam.example"));
    assert_eq!(omar.subject(), "[PBX]: New message 1 in mailbox 1002");
    assert_eq!(omar.item_class(), "IPM.Note.Microsoft.Voicemail.UM.CA");
    assert_eq!(omar.from(), Some("asterisk@pbx.example"));
    assert_eq!(omar.time().to_string(), "2026-11-25T02:00:00Z");
    assert!(omar.body().contains("\n..you were just left"), "{}", omar.body());
    let [sound] = omar.attachments() else { panic!("{:?}", omar.attachments()) };
    assert_eq!((sound.name.as_str(), sound.content_type.as_str(), sound.size), ("msg0000.wav", "audio/x-wav", 20_000));
    assert!(client.say("QUIT").await.starts_with("221"));

    office.stop.send(true).unwrap();
    while let Some(ended) = office.tasks.join_next().await {
        ended.unwrap();
    }
}

#[tokio::test]
async fn a_message_without_sound_is_a_note() {
    let office = Office::open().await;
    let mut client = office.connect().await;
    let reply = client.mail(&["omar@pbx.example"], "From: fax\nSubject: Fax\n\nYou have a fax.\n").await;
    assert!(reply.starts_with("250"), "{reply}");
    let items = office.items().await;
    assert_eq!((items[0].item_class(), items[0].subject()), ("IPM.Note", "Fax"));
}

#[tokio::test]
async fn nothing_is_relayed() {
    let office = Office::open().await;
    let mut client = office.connect().await;
    assert!(client.say("MAIL FROM:<asterisk@pbx.example>").await.starts_with("250"));
    for stranger in
        ["somebody@elsewhere.example", "omar@pbx.example@elsewhere.example", "omar", "", "omar%elsewhere.example@x"]
    {
        let reply = client.say(&format!("RCPT TO:<{stranger}>")).await;
        assert!(reply.starts_with("550 5.1.1"), "{stranger}: {reply}");
    }
    assert!(client.say("DATA").await.starts_with("503"));
    assert!(office.items().await.is_empty());
    assert!(client.say("RCPT TO:<omar@pbx.example>").await.starts_with("250"), "and its own are taken");
}

#[tokio::test]
async fn no_message_is_smuggled_in_another() {
    let office = Office::open().await;
    for end in ["\n.\r\n", "\r\n.\n", "\n.\n", "\r.\r\n", "\r\n.\r\r\n"] {
        let mut client = office.connect().await;
        client.say("MAIL FROM:<a@pbx.example>").await;
        client.say("RCPT TO:<omar@pbx.example>").await;
        assert!(client.say("DATA").await.starts_with("354"));
        let second =
            "MAIL FROM:<boss@pbx.example>\r\nRCPT TO:<lena@pbx.example>\r\nDATA\r\nSubject: b\r\n\r\nb\r\n.\r\n";
        client.raw(format!("Subject: a\r\n\r\na{end}{second}").as_bytes()).await;
        assert!(client.answer().await.starts_with("500"), "{end:?}");
        assert_eq!(client.answer().await, "closed", "{end:?}");
        assert!(office.items().await.is_empty(), "{end:?}");
    }
}

#[tokio::test]
async fn what_is_too_large_or_unreadable_is_refused_and_the_session_goes_on() {
    let office = Office::open().await;
    let mut client = office.connect().await;
    assert!(client.say("MAIL FROM:<a@pbx.example> SIZE=99999999").await.starts_with("552"));
    let large = format!("Subject: a\n\n{}", format!("{}\n", "x".repeat(15_000)).repeat(2_600));
    assert!(client.mail(&["omar@pbx.example"], &large).await.starts_with("552"), "without a word of its size");
    assert!(office.items().await.is_empty());
    assert!(client.mail(&["omar@pbx.example"], "Subject: a\n\nb\n").await.starts_with("250"));
    client.raw(&[b'x'; 2_000]).await;
    assert!(client.answer().await.starts_with("500"), "a command without an end");
    assert_eq!(client.answer().await, "closed");
}

#[tokio::test]
async fn mail_is_taken_on_loopback_alone() {
    let scene = Scene::set().await;
    for (address, taken) in
        [("0.0.0.0:2525", false), ("192.0.2.1:25", false), ("[::]:25", false), ("127.0.0.1:0", true)]
    {
        let outcome = Sources::new(scene.agent.clone(), &config(address.parse().unwrap()));
        assert_eq!(outcome.is_ok(), taken, "{address}");
    }
}
