// The panels that show plans: one a script, drawn anew when the script is saved.

import * as path from 'node:path';
import * as vscode from 'vscode';
import { planning } from '../command-line';
import { settings } from '../settings';
import { start } from '../start';
import { dot, plan, type Plan } from './graph';
import { drawn, failed } from './page';
import { svg } from './picture';

export class Plans implements vscode.Disposable {
  private readonly panels = new Map<string, vscode.WebviewPanel>();
  private readonly saved: vscode.Disposable;

  constructor(private readonly report: (error: unknown) => void) {
    this.saved = vscode.workspace.onDidSaveTextDocument(({ uri }) => {
      const panel = this.panels.get(uri.toString());
      if (panel !== undefined && settings(uri).refreshPlan) void this.draw(uri, panel);
    });
  }

  async show(uri: vscode.Uri): Promise<void> {
    const known = this.panels.get(uri.toString());
    if (known !== undefined) {
      known.reveal(undefined, true);
      return this.draw(uri, known);
    }
    const title = `Plan of ${path.basename(uri.fsPath)}`;
    const place = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
    const panel = vscode.window.createWebviewPanel('flow.plan', title, place, {
      enableScripts: false,
      enableFindWidget: true,
      // The boxes lead to their declarations, and nothing else may be started from the page.
      enableCommandUris: ['flow.reveal'],
      localResourceRoots: [],
    });
    this.panels.set(uri.toString(), panel);
    panel.onDidDispose(() => this.panels.delete(uri.toString()));
    return this.draw(uri, panel);
  }

  dispose(): void {
    this.saved.dispose();
    for (const panel of this.panels.values()) panel.dispose();
  }

  private async draw(uri: vscode.Uri, panel: vscode.WebviewPanel): Promise<void> {
    const name = path.basename(uri.fsPath);
    try {
      const said = await start(settings(uri).path, planning(uri.fsPath), path.dirname(uri.fsPath));
      if (said.status !== 0) {
        panel.webview.html = failed(name, said.err);
        return;
      }
      const read = plan(said.out);
      const link = (declaration: string) => {
        const args = encodeURIComponent(JSON.stringify([uri.toString(), declaration]));
        return `command:flow.reveal?${args}`;
      };
      panel.webview.html = drawn(name, facts(read), await svg(dot(read, link)));
    } catch (error) {
      panel.webview.html = failed(name, error instanceof Error ? error.message : String(error));
      this.report(error);
    }
  }
}

function facts({ job }: Plan): string {
  const workers = job.parallelism === null ? 'a worker per core' : `${job.parallelism} workers`;
  return `job ${job.name}, ${workers}, ${job.delivery}`;
}
