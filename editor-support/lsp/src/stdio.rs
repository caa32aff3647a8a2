//! The server on a pair of pipes: one thread reads what the client sends, one writes the answers. What is no message is
//! answered here, and never reaches the loop.

use crate::documents::Files;
use crate::frames::{Frame, Frames, Refusal};
use crate::server::serve;
use lsp_server::{Connection, Message};
use lsp_types::notification::{Exit, Notification as _};
use serde_json::json;
use std::io::{BufRead, BufReader, Write};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

/// Work for a thread of its own.
pub type Work = Box<dyn FnOnce() + Send>;

/// Serves the client on standard input and output. `spawn` starts a thread with a name.
pub fn serve_stdio(
    files: Box<dyn Files>,
    spawn: &dyn Fn(&str, Work) -> Result<(), String>,
) -> Result<(), String> {
    serve_pipes(BufReader::new(std::io::stdin()), std::io::stdout(), files, spawn)
}

/// Serves the client at the other ends of two pipes.
pub fn serve_pipes(
    input: impl BufRead + Send + 'static,
    output: impl Write + Send + 'static,
    files: Box<dyn Files>,
    spawn: &dyn Fn(&str, Work) -> Result<(), String>,
) -> Result<(), String> {
    let (server, Connection { sender, receiver }) = Connection::memory();
    let output = Output(Arc::new(Mutex::new(output)));
    let (answers, (writing, written)) = (output.clone(), mpsc::channel::<()>());
    let write = move || {
        // Taken also when nobody reads them any more: the loop ends with what it is asked.
        receiver.into_iter().for_each(|message: Message| answers.write(&message));
        drop(writing);
    };
    spawn("answers", Box::new(write))?;
    let broken: Arc<Mutex<Option<String>>> = Arc::default();
    let why = broken.clone();
    let read = move || {
        let lost = read(&mut Frames::new(input), &output, &|message| sender.send(message).is_ok());
        *why.lock().unwrap_or_else(PoisonError::into_inner) = lost;
        // Behind that: it tells the loop that nothing comes any more.
        drop(sender);
    };
    spawn("questions", Box::new(read))?;
    let served = serve(&server, files);
    drop(server);
    // Nothing is ever sent: it ends when all is written.
    let _ = written.recv();
    let lost = broken.lock().unwrap_or_else(PoisonError::into_inner).take();
    lost.map_or(served, Err)
}

/// Reads until the client is gone. Says why, if it is because nobody knows where its next message begins.
fn read<R: BufRead, W: Write>(
    frames: &mut Frames<R>,
    output: &Output<W>,
    send: &dyn Fn(Message) -> bool,
) -> Option<String> {
    loop {
        match frames.next() {
            Frame::Message(message) => {
                let last = matches!(&message, Message::Notification(told) if told.method == Exit::METHOD);
                if !send(message) || last {
                    return None;
                }
            }
            Frame::Refused(refusal) => output.refuse(&refusal),
            Frame::Lost(refusal) => {
                output.refuse(&refusal);
                return Some(format!("the client sent what cannot be read: {}", refusal.message));
            }
            Frame::End => return None,
        }
    }
}

/// Where answers go, one after the other.
struct Output<W>(Arc<Mutex<W>>);

impl<W> Clone for Output<W> {
    fn clone(&self) -> Self {
        Output(self.0.clone())
    }
}

impl<W: Write> Output<W> {
    fn write(&self, message: &Message) {
        // A client that does not read any more has gone, which the reader finds.
        let _ = message.write(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// An answer to what was no message: its id is null if it had none.
    fn refuse(&self, refusal: &Refusal) {
        let Refusal { id, code, message } = refusal;
        let error = json!({ "code": code, "message": message });
        let body = json!({ "jsonrpc": "2.0", "id": id, "error": error }).to_string();
        let mut output = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = write!(output, "Content-Length: {}\r\n\r\n{body}", body.len()).and_then(|()| output.flush());
    }
}
