// What the extension brings: the language server, commands, tasks, tests and plans.

import * as vscode from 'vscode';
import { Plans } from './plan/panel';
import { Server } from './server';
import { settings } from './settings';
import { NotFound } from './start';
import { execute, Tasks } from './tasks';
import { Tests } from './tests/controller';

let server: Server | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const log = vscode.window.createOutputChannel('Flow', { log: true });
  const report = reporter(log);
  const plans = new Plans(report);
  const tests = new Tests(report);
  server = new Server(log, report);

  const command = (name: string, does: (...args: never[]) => unknown) =>
    vscode.commands.registerCommand(name, does as (...args: unknown[]) => unknown);
  context.subscriptions.push(
    log,
    plans,
    tests,
    vscode.tasks.registerTaskProvider('flow', new Tasks()),
    command('flow.run', (of?: Asked) => withScript(of, (uri) => execute('run', uri))),
    command('flow.check', (of?: Asked) => withScript(of, (uri) => execute('check', uri))),
    // The server's lenses give the script and the name of a test.
    command('flow.test', (of?: Asked, name?: unknown) =>
      withScript(of, (uri) => tests.start(uri, typeof name === 'string' ? name : undefined)),
    ),
    command('flow.plan', (of?: Asked) => withScript(of, (uri) => plans.show(uri))),
    command('flow.reveal', (of: string, name: string) => reveal(vscode.Uri.parse(of), name)),
    command('flow.restart', () => server?.restart()),
    command('flow.log', () => log.show()),
  );
  await server.restart();
}

export async function deactivate(): Promise<void> {
  await server?.end();
}

/** From a lens an address as text, from a menu an address, from the palette nothing. */
type Asked = string | vscode.Uri;

/** The script that is meant, saved: `flow` reads files. */
async function withScript(of: Asked | undefined, does: (uri: vscode.Uri) => Promise<void>): Promise<void> {
  const uri = typeof of === 'string' ? vscode.Uri.parse(of) : (of ?? vscode.window.activeTextEditor?.document.uri);
  if (uri === undefined) {
    void vscode.window.showInformationMessage('Open a script first.');
    return;
  }
  const open = vscode.workspace.textDocuments.find((document) => document.uri.toString() === uri.toString());
  if (uri.scheme !== 'file' || (open?.isDirty === true && !(await open.save()))) {
    void vscode.window.showInformationMessage('Save the script first: `flow` reads files.');
    return;
  }
  await does(uri);
}

/** Shows a declaration by its name, which the server knows. */
async function reveal(uri: vscode.Uri, name: string): Promise<void> {
  const symbols = await vscode.commands.executeCommand<vscode.DocumentSymbol[] | undefined>(
    'vscode.executeDocumentSymbolProvider',
    uri,
  );
  const symbol = symbols?.find((one) => one.name === name);
  if (symbol === undefined) {
    void vscode.window.showInformationMessage(`\`${name}\` is not declared in this file.`);
    return;
  }
  await vscode.window.showTextDocument(uri, { selection: symbol.selectionRange, viewColumn: vscode.ViewColumn.One });
}

/** Errors go to the log; a missing command is said aloud, because nothing works without it. */
function reporter(log: vscode.LogOutputChannel): (error: unknown) => void {
  return (error) => {
    log.error(error instanceof Error ? error : String(error));
    const said = error instanceof NotFound
      ? `The command \`${settings().path}\` was not found. Install flow, or set its path.`
      : `Flow: ${error instanceof Error ? error.message : String(error)}`;
    void vscode.window.showErrorMessage(said, 'Open Settings', 'Show Log').then((picked) => {
      if (picked === 'Open Settings') void vscode.commands.executeCommand('workbench.action.openSettings', 'flow.path');
      if (picked === 'Show Log') log.show();
    });
  };
}
