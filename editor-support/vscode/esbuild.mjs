// Bundles the extension into `dist`, or (`--tests`) its tests into `out/test`.
import { build } from 'esbuild';
import { readdirSync, rmSync } from 'node:fs';

const production = process.argv.includes('--production');
const shared = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  sourcemap: production ? false : 'linked',
  logLevel: 'warning',
};

if (process.argv.includes('--tests')) {
  rmSync('out/test', { recursive: true, force: true });
  const tests = readdirSync('test/unit').filter((file) => file.endsWith('.test.ts'));
  await build({
    ...shared,
    format: 'esm',
    entryPoints: tests.map((file) => `test/unit/${file}`),
    outdir: 'out/test',
    outExtension: { '.js': '.mjs' },
    packages: 'external',
  });
} else {
  await build({
    ...shared,
    format: 'cjs',
    entryPoints: ['src/extension.ts'],
    outfile: 'dist/extension.js',
    external: ['vscode'],
    minify: production,
  });
}
