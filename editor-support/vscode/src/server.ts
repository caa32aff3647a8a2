// The language server: `flow lsp`, started with the extension and again when its path changes.

import * as vscode from 'vscode';
import { LanguageClient, RevealOutputChannelOn, type LanguageClientOptions } from 'vscode-languageclient/node';
import { settings } from './settings';
import { start } from './start';

export class Server implements vscode.Disposable {
  private client: LanguageClient | undefined;
  /** One change after the other. */
  private last: Promise<void> = Promise.resolve();
  private readonly changed: vscode.Disposable;

  constructor(
    private readonly log: vscode.LogOutputChannel,
    private readonly report: (error: unknown) => void,
  ) {
    this.changed = vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration('flow.path')) void this.restart();
    });
  }

  restart(): Promise<void> {
    this.last = this.last.then(() => this.stop()).then(() => this.start());
    return this.last;
  }

  dispose(): void {
    this.changed.dispose();
    this.last = this.last.then(() => this.stop());
  }

  /** Stopped, and the last change done. */
  async end(): Promise<void> {
    this.dispose();
    await this.last;
  }

  private async start(): Promise<void> {
    const options: LanguageClientOptions = {
      documentSelector: [
        { scheme: 'file', language: 'flow' },
        { scheme: 'untitled', language: 'flow' },
      ],
      outputChannel: this.log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      diagnosticCollectionName: 'flow',
    };
    const command = settings().path;
    try {
      // A command that is missing is said once and in our words; the client would say it twice in its own.
      await start(command, ['--version'], process.cwd());
      const client = new LanguageClient('flow', 'Flow', { command, args: ['lsp'] }, options);
      await client.start();
      this.client = client;
    } catch (error) {
      this.report(error);
    }
  }

  private async stop(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    try {
      await client?.dispose();
    } catch (error) {
      // A server that died has nothing to stop.
      this.log.warn(String(error));
    }
  }
}
