// Graphviz, compiled to WebAssembly and part of the bundle: no network, no program to install.

import { instance, type Viz } from '@viz-js/viz';

let graphviz: Promise<Viz> | undefined;

export async function svg(dot: string): Promise<string> {
  graphviz ??= instance();
  return (await graphviz).renderString(dot, { format: 'svg' });
}
