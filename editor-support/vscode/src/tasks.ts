// `flow run`, `check` and `test` in a terminal: as commands, and as tasks that a workspace may name.

import * as path from 'node:path';
import * as vscode from 'vscode';
import { inTerminal, type Started } from './command-line';
import { settings } from './settings';

interface Definition extends vscode.TaskDefinition {
  readonly command: Started;
  readonly file: string;
  readonly arguments?: readonly string[];
}

const STARTED: readonly Started[] = ['run', 'check', 'test'];

function task(definition: Definition, file: vscode.Uri): vscode.Task {
  const { path: flow, extra } = settings(file);
  const more = definition.arguments ?? extra[definition.command];
  const args = inTerminal(definition.command, file.fsPath, { ...extra, [definition.command]: more });
  const folder = vscode.workspace.getWorkspaceFolder(file);
  const made = new vscode.Task(
    definition,
    folder ?? vscode.TaskScope.Workspace,
    `${definition.command} ${path.basename(file.fsPath)}`,
    'flow',
    new vscode.ProcessExecution(flow, args, { cwd: path.dirname(file.fsPath) }),
    '$flow',
  );
  made.presentationOptions = { reveal: vscode.TaskRevealKind.Always, clear: true };
  if (definition.command === 'test') made.group = vscode.TaskGroup.Test;
  if (definition.command === 'check') made.group = vscode.TaskGroup.Build;
  return made;
}

/** Runs one now. */
export async function execute(command: Started, file: vscode.Uri): Promise<void> {
  await vscode.tasks.executeTask(task({ type: 'flow', command, file: file.fsPath }, file));
}

export class Tasks implements vscode.TaskProvider {
  /** Check, test and run of the script in the editor. */
  provideTasks(): vscode.Task[] {
    const document = vscode.window.activeTextEditor?.document;
    if (document?.languageId !== 'flow') return [];
    return STARTED.map((command) => task({ type: 'flow', command, file: document.uri.fsPath }, document.uri));
  }

  /** One that `tasks.json` names. */
  resolveTask(asked: vscode.Task): vscode.Task | undefined {
    const definition = asked.definition as Definition;
    if (!STARTED.includes(definition.command) || typeof definition.file !== 'string') return undefined;
    const scope = asked.scope;
    const root = typeof scope === 'object' ? scope.uri : vscode.workspace.workspaceFolders?.[0]?.uri;
    const file = path.isAbsolute(definition.file) || root === undefined
      ? vscode.Uri.file(definition.file)
      : vscode.Uri.joinPath(root, definition.file);
    const made = task(definition, file);
    // The editor takes the answer only for the definition it asked with.
    made.definition = definition;
    return made;
  }
}
