// The settings of the extension, typed.

import * as vscode from 'vscode';
import type { Extra } from './command-line';

export interface Settings {
  /** The `flow` command. */
  readonly path: string;
  readonly extra: Extra;
  readonly refreshPlan: boolean;
}

export function settings(of?: vscode.Uri): Settings {
  const all = vscode.workspace.getConfiguration('flow', of ?? null);
  return {
    path: all.get('path', 'flow').trim() || 'flow',
    extra: {
      run: all.get('run.arguments', []),
      check: all.get('check.arguments', []),
      test: all.get('test.arguments', []),
    },
    refreshPlan: all.get('plan.refreshOnSave', true),
  };
}
