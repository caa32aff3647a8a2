//! The running job's end.

use super::{Answer, Measures, Question, RunControl, socket};
use flow_engine::Progress;
use flow_env::{Env, Worker};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};

/// The longest question: whoever sends more is no `flow`.
const LONGEST: u64 = 4096;
/// Who connects and says nothing is not waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the end of the job waits for answers to be written.
const PARTING: Duration = Duration::from_secs(1);

/// How far the job is, as the thread that watches it saw it last.
pub(crate) type Seen = Arc<Mutex<Progress>>;

/// Listens until it is dropped.
pub(crate) struct Server {
    path: PathBuf,
    env: Env,
    running: Option<(oneshot::Sender<()>, Worker<()>)>,
}

impl Server {
    /// Listens in a job's folder, which this process holds: a socket that is there is one that a dead run left.
    pub(crate) fn start(job: &Path, control: Arc<RunControl>, seen: Seen, env: &Env) -> io::Result<Server> {
        let path = socket(job);
        match env.disk.remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _inside = runtime.enter();
            UnixListener::bind(&path)?
        };
        let (stop, stopped) = oneshot::channel();
        let thread = flow_env::spawn("flow-control", move || {
            runtime.block_on(async {
                let (talking, mut silence) = mpsc::channel::<()>(1);
                let listening = tokio::spawn(listen(listener, control, seen, talking));
                // Dropping the other end counts too.
                let _ = stopped.await;
                listening.abort();
                // Who was told that the job ends gets to hear it.
                let _ = tokio::time::timeout(PARTING, silence.recv()).await;
            });
        })?;
        Ok(Server { path, env: env.clone(), running: Some((stop, thread)) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            let _ = stop.send(());
            let _ = thread.join();
        }
        // The next run removes it as well.
        let _ = self.env.disk.remove_file(&self.path);
    }
}

/// `talking` is held by every conversation.
async fn listen(listener: UnixListener, control: Arc<RunControl>, seen: Seen, talking: mpsc::Sender<()>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // No room for more connections: those that are there end soon.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (control, seen, talking) = (control.clone(), seen.clone(), talking.clone());
        tokio::spawn(async move {
            let _talking = talking;
            // Who asked may go away at any moment; that is no concern of the job.
            let _ = converse(stream, &control, &seen).await;
        });
    }
}

async fn converse(stream: UnixStream, control: &RunControl, seen: &Seen) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    let mut question = BufReader::new(read.take(LONGEST));
    tokio::time::timeout(PATIENCE, question.read_line(&mut line)).await??;
    let answer = match serde_json::from_str(&line) {
        Ok(question) => answer(question, control, seen).await,
        Err(error) => Answer::Refused { why: format!("this is no question of this version: {error}") },
    };
    let mut text = serde_json::to_string(&answer)?;
    text.push('\n');
    write.write_all(text.as_bytes()).await
}

async fn answer(question: Question, control: &RunControl, seen: &Seen) -> Answer {
    match question {
        Question::Savepoint => saved(control.savepoint()).await,
        Question::Stop { savepoint: false } => {
            control.stop();
            Answer::Stopping
        }
        Question::Stop { savepoint: true } => saved(control.stop_with_savepoint()).await,
        Question::Progress => {
            let progress = seen.lock().unwrap_or_else(PoisonError::into_inner);
            Answer::Progress(Box::new(Measures::of(&progress)))
        }
    }
}

async fn saved(waiting: Receiver<Result<u64, String>>) -> Answer {
    match tokio::task::spawn_blocking(move || waiting.recv()).await {
        Ok(Ok(Ok(number))) => Answer::Savepoint { number },
        Ok(Ok(Err(why))) => Answer::Refused { why },
        _ => Answer::Refused { why: "the job has ended".into() },
    }
}
