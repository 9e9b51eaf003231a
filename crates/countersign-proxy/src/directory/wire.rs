//! Messages to and from a directory over any stream: a question, then its answer, nothing beside it.

use cs_ldap::{Message, MessageId, Operation, check_depth, frame_len, oid};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use zeroize::Zeroizing;

use super::trouble::{Trouble, said};

/// The longest message that is taken: a person in a thousand groups has a third of it.
const LONGEST: usize = 1 << 20;
/// Octets that are read at a time, at least.
const ROOM: usize = 8192;
/// Elements within one another; an answer has less than half of them.
const DEEPEST: usize = 16;

/// What is sent and read over a stream.
pub(super) struct Wire<S> {
    stream: S,
    /// What came and was not read yet. There may be people's names in it, and never a password.
    came: Vec<u8>,
    asked: i32,
    longest: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, came: Vec::new(), asked: 0, longest: LONGEST }
    }

    /// Takes messages as long as this.
    pub(super) fn takes(&mut self, longest: usize) {
        self.longest = longest;
    }

    /// The stream, for something else to go on with: nothing that came before TLS may be taken for something within it.
    pub(super) fn into_stream(self) -> Result<S, Trouble> {
        if self.came.is_empty() { Ok(self.stream) } else { Err(Trouble::Unasked) }
    }

    /// Asks: `make` writes the message for its number, which must be that of the answers.
    pub(super) async fn ask(
        &mut self,
        make: impl FnOnce(MessageId) -> Zeroizing<Vec<u8>>,
    ) -> Result<MessageId, Trouble> {
        // A connection ends long before the numbers do.
        self.asked = self.asked.checked_add(1).ok_or(Trouble::Closed)?;
        let id = MessageId::new(self.asked).ok_or(Trouble::Closed)?;
        self.stream.write_all(&make(id)).await.map_err(Trouble::Broken)?;
        self.stream.flush().await.map_err(Trouble::Broken)?;
        Ok(id)
    }

    /// The octets of the next message, which answers `id`.
    pub(super) async fn answer(&mut self, id: MessageId) -> Result<Vec<u8>, Trouble> {
        let octets = self.message().await?;
        check_depth(&octets, DEEPEST)?;
        let message = Message::parse(&octets)?;
        if message.id == id {
            return Ok(octets);
        }
        match message.operation {
            Operation::ExtendedResponse(notice)
                if message.id == MessageId::UNSOLICITED && notice.name == Some(oid::NOTICE_OF_DISCONNECTION) =>
            {
                Err(Trouble::HungUp(format!("{} {}", notice.result.code.word(), said(notice.result.diagnostic))))
            }
            _ => Err(Trouble::Unasked),
        }
    }

    async fn message(&mut self) -> Result<Vec<u8>, Trouble> {
        loop {
            if let Some(len) = frame_len(&self.came, self.longest)?.filter(|len| *len <= self.came.len()) {
                let rest = self.came.split_off(len);
                return Ok(std::mem::replace(&mut self.came, rest));
            }
            self.came.reserve(ROOM);
            if self.stream.read_buf(&mut self.came).await.map_err(Trouble::Broken)? == 0 {
                return Err(Trouble::Closed);
            }
        }
    }

    /// Whether nothing came since the last answer, not even the end: it can be asked again.
    pub(super) async fn is_quiet(&mut self) -> bool {
        if !self.came.is_empty() {
            return false;
        }
        tokio::select! {
            biased;
            _ = self.stream.read_buf(&mut self.came) => false,
            () = std::future::ready(()) => true,
        }
    }

    /// Says good-bye; whether it is heard is the same to both.
    pub(super) async fn leave(mut self) {
        let farewell = |id| Zeroizing::new(cs_ldap::request::unbind(id));
        if self.ask(farewell).await.is_ok() {
            _ = self.stream.shutdown().await;
        }
    }
}
