//! One worker's shard of the whole graph: delivers batches from operator to operator, and moves
//! each node's frontier (the number below which everything is through) along the edges.

use crate::context::{BadRow, Context};
use crate::counters::add;
use crate::error::{Again, ErrorKind, Halt};
use crate::exchange::{Receiver, Sender};
use crate::incomplete;
use crate::layout::{Consumer, Feed};
use crate::number::{DONE, Number, base};
use crate::operator::{Flush, Operator};
use crate::shared::Shared;
use crate::snapshot::{Loading, Marks, Piece, Saving, Sealings, Share, identity};
use crate::source::BadRecord;
use crate::time::Split;
use flow_checkpoint::state::State;
use flow_data::Batch;
use flow_env::{Deadline, Parker};
use flow_plan::Value;
use flow_plan::operator::errors_type;
use flow_plan::physical::NodeKind;
use std::collections::VecDeque;
use std::sync::Arc;

pub(crate) struct Flow {
    pub(crate) shared: Arc<Shared>,
    pub(crate) worker: usize,
    nodes: Vec<NodeState>,
    senders: Vec<Sender>,
    receivers: Vec<Receiver>,
    /// What is to be done next, the last first: depth first, so that a batch is used while it is hot.
    pub(crate) work: Vec<Work>,
    out: Vec<(Number, Batch)>,
    errors: Vec<(u32, Number, Vec<Value>)>,
    late: Vec<(Number, Batch)>,
    /// The split whose chunk this worker is reading.
    pub(crate) split: Split,
    /// Below this, this worker's share of the chunks is through.
    pub(crate) sources: Number,
    /// Barriers that this worker has passed.
    pub(crate) passed: u64,
    /// Complete numbers were left in a queue, though there is room for what they cause.
    left: bool,
    /// Nodes that have marked what a checkpoint is still to get of them.
    marked: VecDeque<usize>,
    pub(crate) parker: Parker,
}

struct NodeState {
    operator: Box<dyn Operator>,
    /// Everything below is through.
    frontier: Number,
    /// Everything below has arrived; what the operator holds for the end is still to come.
    arrived: Number,
    /// The numbers of the first and of the last rows that it gave when it was called last and gave some.
    given: (Number, Number),
}

impl NodeState {
    /// When the operator is to be called next, unless it is at the end: then it gives all it has, piece by piece as there is room,
    /// and what it gave between two pieces would stand behind all of them.
    fn deadline(&self) -> Option<Deadline> {
        self.operator.deadline().filter(|_| self.arrived < DONE)
    }
}

pub(crate) enum Work {
    /// A batch is to be delivered.
    Deliver { node: usize, input: usize, number: Number, batch: Batch },
    /// An operator has left something undone.
    Resume { node: usize, number: Number },
}

impl Flow {
    /// A flow that begins with the number `begin`: everything below is through.
    pub(crate) fn new(
        shared: Arc<Shared>,
        worker: usize,
        operators: Vec<Box<dyn Operator>>,
        begin: Number,
        parker: Parker,
    ) -> Flow {
        let edges = shared.layout.edges.len();
        let node = |operator| NodeState { operator, frontier: begin, arrived: begin, given: (begin, begin) };
        Flow {
            nodes: operators.into_iter().map(node).collect(),
            senders: (0..edges).map(|_| Sender::default()).collect(),
            receivers: (0..edges).map(|_| Receiver { merged: begin }).collect(),
            work: Vec::new(),
            out: Vec::new(),
            errors: Vec::new(),
            late: Vec::new(),
            split: (0, 0),
            sources: begin,
            passed: 0,
            left: false,
            marked: VecDeque::new(),
            parker,
            shared,
            worker,
        }
    }

    /// Rows that a source of this worker has read.
    pub(crate) fn feed(&mut self, node: usize, number: Number, batch: Batch) -> Result<(), Halt> {
        self.work.push(Work::Deliver { node, input: 0, number, batch });
        self.deliver()
    }

    /// A record that a source of this worker could not decode.
    pub(crate) fn bad_record(&mut self, node: usize, number: Number, record: BadRecord) -> Result<(), Halt> {
        let stage = &self.shared.clone().graph.nodes[node];
        let bad = BadRow {
            declaration: stage.declaration,
            label: stage.label.clone(),
            place: stage.place,
            code: record.code.into(),
            message: record.error,
            record: record.raw,
            position: Some(record.position),
        };
        self.call(node, number, |_, cx| cx.record_error(bad))?;
        self.deliver()
    }

    /// Must rows of this number wait, because an exchange that they can reach from here is full? Not if all that waits
    /// there has this number or a later one: nobody can take it before this number is through. So the least number
    /// that waits anywhere can always be taken, and no graph can block itself.
    pub(crate) fn held_back(&self, node: usize, number: Number) -> bool {
        let full = |&edge: &usize| {
            (0..self.shared.workers()).any(|to| self.shared.channel(edge, self.worker, to).full_below(number))
        };
        self.shared.layout.nodes[node].outgoing.iter().any(full)
    }

    /// Runs an operator's method and delivers what it gives.
    pub(crate) fn call<T>(
        &mut self,
        node: usize,
        number: Number,
        act: impl FnOnce(&mut dyn Operator, &mut Context<'_>) -> Result<T, Halt>,
    ) -> Result<T, Halt> {
        let mut cx = Context {
            shared: &self.shared,
            worker: self.worker,
            node,
            number,
            split: self.split,
            out: &mut self.out,
            errors: &mut self.errors,
            late: &mut self.late,
        };
        let result = act(self.nodes[node].operator.as_mut(), &mut cx)?;
        if incomplete::may_lack(&self.shared.graph.nodes[node]) {
            incomplete::refuse(&mut cx)?;
        }
        if let [(first, _), .., (last, _)] | [(first @ last, _)] = self.out.as_slice() {
            self.nodes[node].given = (*first, *last);
        }
        self.pass_on(node);
        Ok(result)
    }

    pub(crate) fn deliver(&mut self) -> Result<(), Halt> {
        while let Some(work) = self.work.pop() {
            if self.shared.aborted() {
                return Err(Halt);
            }
            let below = self.work.len();
            let (node, number) = match work {
                Work::Deliver { node, input, number, batch } => {
                    add(&self.shared.counters.node(self.worker, node).rows_in, batch.len as u64);
                    self.call(node, number, |operator, cx| operator.push(cx, input, batch))?;
                    (node, number)
                }
                Work::Resume { node, number } => {
                    self.make_room(node, number)?;
                    self.call(node, number, |operator, cx| operator.resume(cx))?;
                    (node, number)
                }
            };
            if self.nodes[node].operator.unfinished() {
                // What it gave goes its way first.
                self.work.insert(below, Work::Resume { node, number });
            }
        }
        Ok(())
    }

    /// Hands an operator's output to its consumers.
    fn pass_on(&mut self, node: usize) {
        if !self.errors.is_empty() {
            self.route_errors();
        }
        if !self.late.is_empty() {
            self.route_late(node);
        }
        let mut out = std::mem::take(&mut self.out);
        let rows: usize = out.iter().map(|(_, batch)| batch.len).sum();
        if rows > 0 {
            add(&self.shared.counters.node(self.worker, node).rows_out, rows as u64);
        }
        let shared = self.shared.clone();
        let consumers = &shared.layout.nodes[node].consumers;
        // Exchanges first, in order; then local consumers on the stack, the last one lowest.
        for (number, batch) in &out {
            for consumer in consumers {
                if let Consumer::Exchange { edge } = *consumer {
                    self.senders[edge].send(&shared, edge, self.worker, *number, batch.clone());
                }
            }
        }
        let declared = shared.graph.nodes[node].output.fields.len();
        for (number, batch) in out.drain(..).rev() {
            for consumer in consumers.iter().rev() {
                if let Consumer::Local { node, input } = *consumer {
                    let mut batch = batch.clone();
                    if shared.layout.nodes[node].bare[input] {
                        batch.columns.truncate(declared);
                    }
                    self.work.push(Work::Deliver { node, input, number, batch });
                }
            }
        }
        self.out = out;
    }

    /// Makes rows of the side output out of record errors.
    fn route_errors(&mut self) {
        let schema = errors_type();
        for (declaration, number, row) in std::mem::take(&mut self.errors) {
            if let Some(node) = self.shared.errors[declaration as usize] {
                let batch = Batch::from_rows(std::slice::from_ref(&row), &schema);
                self.work.push(Work::Deliver { node, input: 0, number, batch });
            }
        }
    }

    /// Hands late rows to the node that reads them, if there is one.
    fn route_late(&mut self, node: usize) {
        let late = std::mem::take(&mut self.late);
        if let Some(node) = self.shared.layout.nodes[node].late {
            for (number, batch) in late.into_iter().rev() {
                self.work.push(Work::Deliver { node, input: 0, number, batch });
            }
        }
    }

    /// Takes what other workers sent, lets operators go on, and tells everyone how far this worker
    /// is. Gives whether anything moved.
    pub(crate) fn settle(&mut self) -> Result<bool, Halt> {
        let mut moved = false;
        let shared = self.shared.clone();
        self.left = true;
        while std::mem::take(&mut self.left) {
            for &node in &shared.layout.order {
                moved |= self.settle_node(node)?;
            }
        }
        Ok(moved)
    }

    /// The same of one node, which is not at work.
    pub(crate) fn settle_node(&mut self, node: usize) -> Result<bool, Halt> {
        let mut moved = false;
        let arrived = self.arrivals(node, &mut moved)?;
        if arrived > self.nodes[node].arrived {
            self.nodes[node].arrived = arrived;
            moved = true;
            self.call(node, arrived, |operator, cx| operator.advance(cx, arrived))?;
            self.hand_on(node)?;
            while self.call(node, arrived, |operator, cx| operator.resume(cx))? {
                let number = self.hand_on(node)?;
                self.make_room(node, number)?;
            }
            self.hand_on(node)?;
        }
        let frontier = if arrived == DONE { self.rest(node)? } else { arrived };
        moved |= self.reach(node, frontier);
        moved |= self.receive_begun(node)?;
        Ok(moved)
    }

    /// Delivers what an operator gave as numbers were complete. Gives the number that it has reached: whoever is to take its rows
    /// must know that nothing will come in front of them.
    fn hand_on(&mut self, node: usize) -> Result<Number, Halt> {
        let NodeState { given: (first, last), arrived, .. } = self.nodes[node];
        self.reach(node, first.min(arrived));
        self.deliver()?;
        self.reach(node, last.min(arrived));
        Ok(last)
    }

    /// All that this worker gives at a node in numbers below `frontier` is on its way: tells everyone. Gives whether that is news.
    fn reach(&mut self, node: usize, frontier: Number) -> bool {
        if frontier <= self.nodes[node].frontier {
            return false;
        }
        self.nodes[node].frontier = frontier;
        let shared = &self.shared;
        if let Some(log) = &shared.times[node] {
            log.close(self.worker, frontier, shared.sequencer.next());
        }
        // All its rows are on the first worker.
        if self.worker == 0 && matches!(shared.graph.nodes[node].kind, NodeKind::Limit { .. }) {
            shared.pass(node, frontier);
        }
        for consumer in &shared.layout.nodes[node].consumers {
            if let Consumer::Exchange { edge } = *consumer {
                (0..shared.workers()).for_each(|to| shared.channel(edge, self.worker, to).close(frontier));
            }
        }
        true
    }

    /// Below which number has everything arrived at this node? Takes it from exchanges on the way.
    fn arrivals(&mut self, node: usize, moved: &mut bool) -> Result<Number, Halt> {
        let shared = self.shared.clone();
        let layout = &shared.layout.nodes[node];
        let mut arrived = DONE;
        if layout.inputs.is_empty() && layout.erring.is_empty() {
            arrived = self.sources;
        }
        for (input, feed) in layout.inputs.iter().enumerate() {
            let reached = match *feed {
                Feed::Local { node } => self.nodes[node].frontier,
                Feed::Exchange { edge } => self.receive(node, input, edge, moved)?,
            };
            arrived = arrived.min(reached);
        }
        for &from in &layout.erring {
            arrived = arrived.min(self.nodes[from].frontier);
        }
        Ok(arrived)
    }

    /// Takes complete numbers from an exchange, as long as what they cause finds room.
    fn receive(&mut self, node: usize, input: usize, edge: usize, moved: &mut bool) -> Result<Number, Halt> {
        loop {
            let (closed, first) = self.receivers[edge].next(&self.shared, edge, self.worker);
            let Some(number) = first else {
                self.receivers[edge].merged = closed;
                return Ok(closed);
            };
            if self.held_back(node, number) {
                // What lies before the number that waits is through.
                self.receivers[edge].merged = number;
                return Ok(number);
            }
            *moved = true;
            let shared = self.shared.clone();
            shared.idle[self.worker].set_asleep(false);
            let batches = self.receivers[edge].take(&shared, edge, self.worker, number);
            for batch in batches {
                self.work.push(Work::Deliver { node, input, number, batch });
                self.deliver()?;
            }
            if self.waiting_below(node) > 0 {
                // Those who read that are told first that the number is over: they could take nothing of the next one before.
                self.left = true;
                return Ok(number + 1);
            }
        }
    }

    /// The input has ended: gives what the operator still holds, as far as there is room.
    fn rest(&mut self, node: usize) -> Result<Number, Halt> {
        let mut frontier = self.nodes[node].frontier;
        if frontier == DONE {
            return Ok(DONE);
        }
        if self.shared.sequencer.cut() {
            return Ok(DONE);
        }
        let level = self.shared.layout.nodes[node].level;
        frontier = frontier.max(base(level));
        let mut given = 0;
        while frontier < DONE {
            // Whoever waits for a number that was begun could not take what is in the way.
            if frontier > given && self.held_back(node, frontier) {
                return Ok(frontier);
            }
            if frontier == given {
                self.reach(node, frontier);
                self.make_room(node, frontier)?;
            }
            let flushed = self.call(node, frontier, |operator, cx| Ok((operator.flush(cx)?, cx.number)))?;
            given = flushed.1;
            frontier = match flushed.0 {
                Flush::More(number) => number,
                Flush::Done => DONE,
            };
            self.deliver()?;
        }
        Ok(DONE)
    }

    /// What a snapshot holds of a node.
    fn tables(&self, share: &mut Share, node: usize) -> Loading {
        let identity = &self.shared.states[node];
        let tables = share.state(&identity.id, identity.was.as_deref());
        let node = &self.shared.graph.nodes[node];
        let Some(input) = node.inputs.first() else { return tables };
        let fields = &self.shared.graph.nodes[input.node].output.fields;
        let names: Vec<&str> = node.kind.keys().iter().map(|&key| &*fields[key].name).collect();
        tables.name_keys(&names)
    }

    /// Does a checkpoint hold something of it? A state that is called like another node belongs to none: it was dropped, or goes on
    /// under another name, and a part of its stage (what computes its key) has the name that it had.
    fn keeps(&self, node: usize) -> bool {
        let node = &self.shared.graph.nodes[node];
        identity(node).is_some() || matches!(node.kind, NodeKind::Limit { .. })
    }

    /// Gives every operator what a snapshot holds of it. An error names the node.
    pub(crate) fn load(&mut self, share: &mut Share) -> Result<(), (usize, String)> {
        for node in 0..self.nodes.len() {
            if !self.keeps(node) {
                continue;
            }
            let mut tables = self.tables(share, node);
            let number = share.number;
            let loaded = self.call(node, number, |operator, cx| Ok(operator.load(cx, &mut tables)));
            if let Ok(Err(message)) = loaded {
                return Err((node, message));
            }
            // What is not taken over must not get lost without a word.
            if let Some(table) = tables.left() {
                let message =
                    format!("its state holds `{table}`, which it does not keep as the script is now");
                return Err((node, message));
            }
        }
        Ok(())
    }

    /// Takes over more of what was saved: groups of operators that can put them on disk.
    pub(crate) fn load_more(&mut self, share: &mut Share) -> Result<(), (usize, String)> {
        for node in 0..self.nodes.len() {
            if !self.keeps(node) {
                continue;
            }
            let mut tables = self.tables(share, node);
            if tables.is_empty() {
                continue;
            }
            if !self.shared.graph.nodes[node].kind.spills() {
                return Err((node, "its state is larger than `memory`, and cannot be put on disk".into()));
            }
            let loaded = self.call(node, 0, |operator, cx| Ok(operator.load(cx, &mut tables)));
            if let Ok(Err(message)) = loaded {
                return Err((node, message));
            }
        }
        Ok(())
    }

    /// The next checkpoint follows the one that was loaded.
    pub(crate) fn follow(&mut self) {
        self.nodes.iter_mut().for_each(|node| node.operator.follow());
    }

    /// Writes down or marks what every operator holds; without `whole`, what has changed since the last time is enough.
    pub(crate) fn save(&mut self, whole: bool) -> Marks {
        let mut marks = Marks::default();
        self.marked.clear();
        for (index, node) in self.nodes.iter_mut().enumerate() {
            let mut saving = Saving::new(whole);
            node.operator.save(&mut saving);
            for &table in saving.open() {
                marks.open.push((marks.part.states.len(), table));
                self.marked.push_back(index);
            }
            let tables = saving.tables();
            if !tables.is_empty() {
                marks.part.states.push(State { id: self.shared.states[index].id.clone(), tables });
            }
        }
        marks
    }

    /// Is there more to be written down of what was marked?
    pub(crate) fn is_marked(&self) -> bool {
        !self.marked.is_empty()
    }

    /// Writes down about so many entries of what was marked.
    pub(crate) fn save_more(&mut self, entries: usize) -> Result<Vec<Piece>, Halt> {
        let Some(&index) = self.marked.front() else { return Ok(Vec::new()) };
        let mut saving = Saving::new(false);
        let node = &mut self.nodes[index];
        let more = node.operator.save_more(&mut saving, entries).map_err(|why| {
            let failed = self.shared.node_error(index, node.frontier, ErrorKind::Disk, why);
            self.shared.fail(failed.again(Again::Perhaps));
            Halt
        })?;
        let mut pieces: Vec<Piece> = saving.pieces().into_iter().map(Piece::Rows).collect();
        if !more {
            self.marked.pop_front();
            pieces.push(Piece::End);
        }
        Ok(pieces)
    }

    /// Ends the share of an epoch of every sink.
    pub(crate) fn seal(&mut self, number: Number) -> Result<Sealings, Halt> {
        let mut sealings = Vec::new();
        for node in 0..self.nodes.len() {
            let sealing = self.call(node, number, |operator, cx| operator.seal(cx))?;
            sealings.extend(sealing.map(|sealing| (node, sealing)));
        }
        Ok(sealings)
    }

    /// Below this number, everything has arrived at a node, and its operator knows.
    pub(crate) fn arrived(&self, node: usize) -> Number {
        self.nodes[node].arrived
    }

    /// Below this number, everything is through here.
    pub(crate) fn reached(&self) -> Number {
        self.nodes.iter().map(|node| node.frontier).min().unwrap_or(DONE)
    }

    /// Is everything through?
    pub(crate) fn done(&self) -> bool {
        self.nodes.iter().all(|node| node.frontier == DONE)
    }

    /// The earliest deadline of an operator.
    pub(crate) fn deadline(&self) -> Option<Deadline> {
        self.nodes.iter().filter_map(|node| node.operator.deadline()).min()
    }

    /// The earliest at which one would give something, as things stand.
    pub(crate) fn waits(&self) -> Option<Deadline> {
        self.nodes.iter().filter_map(|node| node.operator.waits()).min()
    }

    /// Says when each operator wants to be called.
    pub(crate) fn say_deadlines(&self) {
        for (node, state) in self.nodes.iter().enumerate() {
            self.shared.heard.say(node, self.worker, state.deadline());
        }
    }

    /// Has an operator's deadline passed?
    fn has_passed(&self, node: usize) -> Option<Deadline> {
        let deadline = self.nodes[node].deadline()?;
        deadline.passed(self.shared.env.clock.as_ref()).then_some(deadline)
    }

    /// Has its deadline passed, and has all that was due above it arrived?
    fn is_due(&self, node: usize) -> bool {
        let through = |deadline| self.shared.heard.through(node, deadline, self.nodes[node].arrived);
        self.has_passed(node).is_some_and(through)
    }

    /// Is there an operator to be called?
    pub(crate) fn due(&self) -> bool {
        (0..self.nodes.len()).any(|node| self.is_due(node))
    }

    /// Does an operator whose deadline has passed wait for what others give?
    pub(crate) fn waits_for_others(&self) -> bool {
        (0..self.nodes.len()).any(|node| self.has_passed(node).is_some())
    }

    /// Has everything below this number arrived where a deadline has passed?
    pub(crate) fn can_tick(&self, number: Number) -> bool {
        (0..self.nodes.len())
            .all(|node| self.has_passed(node).is_none() || self.nodes[node].arrived >= number)
    }

    /// Calls operators whose deadline has passed. What they give goes under this number, which nothing else has: by its ranks it
    /// might else come in front of what was given before it, or behind what is given later. Not those whose deadline has only just
    /// passed, if something below the number is still to come.
    pub(crate) fn tick(&mut self, number: Number) -> Result<(), Halt> {
        for node in 0..self.nodes.len() {
            if self.nodes[node].arrived >= number && self.is_due(node) {
                self.call(node, number, |operator, cx| operator.tick(cx))?;
                if self.nodes[node].operator.unfinished() {
                    self.work.insert(0, Work::Resume { node, number });
                }
                self.deliver()?;
                self.shared.heard.gave(node, self.worker, number);
            }
        }
        self.say_deadlines();
        Ok(())
    }

    /// Looks how much state there is. The job fails if it is more than its limit.
    pub(crate) fn weigh(&self) -> Result<(), Halt> {
        for (node, state) in self.nodes.iter().enumerate() {
            self.shared.counters.node(self.worker, node).hold(state.operator.held());
        }
        match self.shared.over_limit() {
            None => Ok(()),
            Some(error) => {
                self.shared.fail(error);
                Err(Halt)
            }
        }
    }

    /// Nothing to do for the moment.
    pub(crate) fn idle(&mut self) -> Result<(), Halt> {
        for node in 0..self.nodes.len() {
            self.call(node, self.sources, |operator, cx| operator.idle(cx))?;
        }
        Ok(())
    }

    /// Everything is through.
    pub(crate) fn finish(&mut self) -> Result<(), Halt> {
        for node in 0..self.nodes.len() {
            self.call(node, DONE, |operator, cx| operator.finish(cx))?;
        }
        Ok(())
    }
}
