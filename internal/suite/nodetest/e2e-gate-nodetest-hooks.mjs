// Has imports of node:test get the stand-in, in versions of Node whose hooks run in a thread of
// their own.
const standIn = new URL('e2e-gate-nodetest-stand-in.mjs', import.meta.url).href;

export function resolve(specifier, context, next) {
  return specifier === 'node:test' ? { url: standIn, format: 'module', shortCircuit: true } : next(specifier, context);
}
