// The tests of scripts in the editor's test view: found in open and saved scripts, run by `flow test`.

import * as path from 'node:path';
import * as vscode from 'vscode';
import { testing } from '../command-line';
import { placeOf } from '../places';
import { settings } from '../settings';
import { start } from '../start';
import { discover } from './discover';
import { results, type Failure, type Result } from './results';

export class Tests implements vscode.Disposable {
  private readonly controller = vscode.tests.createTestController('flow', 'Flow');
  private readonly disposables: vscode.Disposable[] = [this.controller];

  constructor(private readonly report: (error: unknown) => void) {
    this.controller.createRunProfile('Run', vscode.TestRunProfileKind.Run, (request, cancel) => this.run(request, cancel), true);
    this.controller.resolveHandler = (item) => (item === undefined ? this.findAll() : this.read(item.uri));
    this.controller.refreshHandler = () => this.findAll();
    const watcher = vscode.workspace.createFileSystemWatcher('**/*.flow');
    this.disposables.push(
      watcher,
      watcher.onDidChange((uri) => this.read(uri)),
      watcher.onDidCreate((uri) => this.read(uri)),
      watcher.onDidDelete((uri) => this.controller.items.delete(uri.toString())),
      vscode.workspace.onDidOpenTextDocument((document) => this.show(document)),
      vscode.workspace.onDidChangeTextDocument(({ document }) => this.show(document)),
    );
    for (const document of vscode.workspace.textDocuments) this.show(document);
  }

  /** All tests of a script, or the one of a name. */
  async start(uri: vscode.Uri, name?: string): Promise<void> {
    await this.read(uri);
    const file = this.controller.items.get(uri.toString());
    const item = name === undefined ? file : file?.children.get(name);
    if (item === undefined) {
      const what = name === undefined ? 'no tests' : `no test \`${name}\``;
      void vscode.window.showInformationMessage(`${path.basename(uri.fsPath)} has ${what}.`);
      return;
    }
    await this.run(new vscode.TestRunRequest([item]), new vscode.CancellationTokenSource().token);
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  private async findAll(): Promise<void> {
    const files = await vscode.workspace.findFiles('**/*.flow', '**/{node_modules,target,.git}/**');
    await Promise.all(files.map((uri) => this.read(uri)));
  }

  private async read(uri: vscode.Uri | undefined): Promise<void> {
    if (uri === undefined) return;
    const open = vscode.workspace.textDocuments.find((document) => document.uri.toString() === uri.toString());
    const text = open?.getText() ?? new TextDecoder().decode(await vscode.workspace.fs.readFile(uri));
    this.list(uri, text);
  }

  private show(document: vscode.TextDocument): void {
    if (document.languageId === 'flow' && document.uri.scheme === 'file') this.list(document.uri, document.getText());
  }

  private list(uri: vscode.Uri, text: string): void {
    const found = discover(text);
    if (found.length === 0) return this.controller.items.delete(uri.toString());
    const name = vscode.workspace.asRelativePath(uri);
    const file = this.controller.items.get(uri.toString()) ?? this.controller.createTestItem(uri.toString(), name, uri);
    const children = found.map((test) => {
      // A test that was there keeps its item, and with it its last result.
      const item = file.children.get(test.name) ?? this.controller.createTestItem(test.name, test.name, uri);
      const { start: from, end: to } = test;
      item.range = new vscode.Range(from.line, from.character, to.line, to.character);
      return item;
    });
    file.children.replace(children);
    this.controller.items.add(file);
  }

  private async run(request: vscode.TestRunRequest, cancel: vscode.CancellationToken): Promise<void> {
    const run = this.controller.createTestRun(request);
    const wanted = request.include ?? [...this.controller.items].map(([, item]) => item);
    try {
      for (const item of wanted) {
        if (cancel.isCancellationRequested) break;
        await this.runItem(run, item, request.exclude ?? [], cancel);
      }
    } catch (error) {
      this.report(error);
    } finally {
      run.end();
    }
  }

  private async runItem(
    run: vscode.TestRun,
    item: vscode.TestItem,
    exclude: readonly vscode.TestItem[],
    cancel: vscode.CancellationToken,
  ): Promise<void> {
    const uri = item.uri;
    if (uri === undefined) return;
    const tests = item.parent === undefined ? [...item.children].map(([, child]) => child) : [item];
    const asked = tests.filter((test) => !exclude.includes(test));
    for (const test of asked) run.started(test);
    const { path: flow, extra } = settings(uri);
    const only = item.parent === undefined ? undefined : item.id;
    const said = await start(flow, testing(uri.fsPath, extra, only), path.dirname(uri.fsPath), cancel);
    run.appendOutput(said.err.replace(/\r?\n/gu, '\r\n'));
    // Without results the script does not compile, or could not be read.
    const all = said.out.trim() === '' ? [] : results(said.out);
    const text = new TextDecoder().decode(await vscode.workspace.fs.readFile(uri));
    for (const test of asked) {
      const found = all.filter((result) => result.name === test.id);
      if (found.length === 0) run.errored(test, new vscode.TestMessage(said.err.trim() || 'the test did not run'));
      else finish(run, test, found, text);
    }
  }
}

/** With `--matrix` a test has several results: it passed if all did. */
function finish(run: vscode.TestRun, test: vscode.TestItem, all: readonly Result[], text: string): void {
  const time = all.reduce((sum, result) => sum + result.milliseconds, 0);
  const failures = all.filter((result) => !result.passed).flatMap((result) => result.failures);
  if (failures.length === 0) return run.passed(test, time);
  run.failed(test, failures.map((failure) => message(failure, test, text)), time);
}

function message(failure: Failure, test: vscode.TestItem, text: string): vscode.TestMessage {
  const { expected, actual } = failure;
  const made = expected === undefined || actual === undefined
    ? new vscode.TestMessage(failure.message)
    : vscode.TestMessage.diff(failure.message, expected, actual);
  if (failure.span !== undefined && test.uri !== undefined) {
    const [from, to] = [placeOf(text, failure.span.start), placeOf(text, failure.span.end)];
    made.location = new vscode.Location(test.uri, new vscode.Range(from.line, from.character, to.line, to.character));
  }
  return made;
}
