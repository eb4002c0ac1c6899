import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyJsonPatch, type Json, type PatchOperation } from '../../../src/base/index.ts';

const document: Json = {
  spec: { replicas: 2, args: ['a', 'b'], none: null, ports: [{ port: 80 }], nested: [['x']] },
  metadata: { annotations: { 'a/b': '1', 'a~b': '2' } },
};

interface Row {
  readonly says: string;
  readonly operations: readonly PatchOperation[];
  /** What `spec.args`, or the place at `at`, is afterwards; `code` when it fails. */
  readonly args?: readonly Json[];
  readonly value?: Json;
  readonly code?: string;
}

function patch(operations: readonly PatchOperation[]) {
  return applyJsonPatch(document, operations);
}

describe('lists', () => {
  const at = (index: string) => `/spec/args/${index}`;
  const rows: readonly Row[] = [
    { says: 'add at 0', operations: [{ op: 'add', path: at('0'), value: 'c' }], args: ['c', 'a', 'b'] },
    {
      says: 'add at the end index',
      operations: [{ op: 'add', path: at('2'), value: 'c' }],
      args: ['a', 'b', 'c'],
    },
    {
      says: 'add past the end',
      operations: [{ op: 'add', path: at('3'), value: 'c' }],
      code: 'invalid-index',
    },
    { says: 'add at -', operations: [{ op: 'add', path: at('-'), value: 'c' }], args: ['a', 'b', 'c'] },
    {
      says: 'add at -1 is the end',
      operations: [{ op: 'add', path: at('-1'), value: 'c' }],
      args: ['a', 'b', 'c'],
    },
    {
      says: 'add at -3 is the start',
      operations: [{ op: 'add', path: at('-3'), value: 'c' }],
      args: ['c', 'a', 'b'],
    },
    {
      says: 'add before the start',
      operations: [{ op: 'add', path: at('-4'), value: 'c' }],
      code: 'invalid-index',
    },
    { says: 'add at a word', operations: [{ op: 'add', path: at('x'), value: 'c' }], code: 'invalid-index' },
    {
      says: 'add at +1, which Go reads',
      operations: [{ op: 'add', path: at('+1'), value: 'c' }],
      args: ['a', 'c', 'b'],
    },
    {
      says: 'add at 01, which Go reads',
      operations: [{ op: 'add', path: at('01'), value: 'c' }],
      args: ['a', 'c', 'b'],
    },
    { says: 'remove 0', operations: [{ op: 'remove', path: at('0') }], args: ['b'] },
    { says: 'remove -1', operations: [{ op: 'remove', path: at('-1') }], args: ['a'] },
    { says: 'remove -3', operations: [{ op: 'remove', path: at('-3') }], code: 'invalid-index' },
    { says: 'remove past the end', operations: [{ op: 'remove', path: at('2') }], code: 'invalid-index' },
    { says: 'remove -', operations: [{ op: 'remove', path: at('-') }], code: 'invalid-index' },
    { says: 'replace 1', operations: [{ op: 'replace', path: at('1'), value: 'c' }], args: ['a', 'c'] },
    { says: 'replace -2', operations: [{ op: 'replace', path: at('-2'), value: 'c' }], args: ['c', 'b'] },
    {
      says: 'replace past the end',
      operations: [{ op: 'replace', path: at('2'), value: 'c' }],
      code: 'invalid-index',
    },
    { says: 'replace -', operations: [{ op: 'replace', path: at('-'), value: 'c' }], code: 'invalid-index' },
    {
      says: 'replace 1.0',
      operations: [{ op: 'replace', path: at('1.0'), value: 'c' }],
      code: 'invalid-index',
    },
    {
      says: 'an item that is not there as parent',
      operations: [{ op: 'add', path: at('5/x'), value: 1 }],
      code: 'missing-parent',
    },
    {
      says: 'an item that is a text as parent',
      operations: [{ op: 'add', path: at('0/x'), value: 1 }],
      code: 'missing-parent',
    },
    {
      says: 'the dash as parent',
      operations: [{ op: 'add', path: at('-/x'), value: 1 }],
      code: 'missing-parent',
    },
  ];
  it.each(rows)('$says', ({ operations, args, code }) => {
    const result = patch(operations);
    if (code) expect(result).toMatchObject({ ok: false, code, index: 0 });
    else expect(result).toMatchObject({ ok: true, value: { spec: { args } } });
  });

  it('can be entered by a negative index', () => {
    expect(patch([{ path: '/spec/ports/-1/port', value: 8080 }])).toMatchObject({
      value: { spec: { ports: [{ port: 8080 }] } },
    });
    expect(patch([{ op: 'add', path: '/spec/nested/0/0', value: 'w' }])).toMatchObject({
      value: { spec: { nested: [['w', 'x']] } },
    });
  });
});

describe('maps', () => {
  it('replace sets what was absent, and a missing op means replace', () => {
    const value = { spec: { paused: true } };
    expect(patch([{ path: '/spec/paused', value: true }])).toMatchObject({ ok: true, value });
    expect(patch([{ op: '', path: '/spec/paused', value: true }])).toMatchObject({ ok: true, value });
    expect(patch([{ op: 'replace', path: '/spec/paused', value: true }])).toMatchObject({ ok: true, value });
  });

  it('a missing value is null', () => {
    expect(patch([{ op: 'add', path: '/spec/replicas' }])).toMatchObject({
      value: { spec: { replicas: null } },
    });
  });

  it('remove takes the key away, null or not, and fails where there is none', () => {
    const result = patch([
      { op: 'remove', path: '/spec/replicas' },
      { op: 'remove', path: '/spec/none' },
    ]);
    expect(result).toMatchObject({ ok: true });
    const { spec } = (result as unknown as { value: { spec: object } }).value;
    expect(Object.keys(spec)).toEqual(['args', 'ports', 'nested']);
    expect(patch([{ op: 'remove', path: '/spec/absent' }])).toMatchObject({ ok: false, code: 'missing-key' });
  });

  it.each([
    ['absent', '/status/x'],
    ['null', '/spec/none/x'],
    ['a number', '/spec/replicas/x'],
  ])('nothing can be put below a parent that is %s', (_, path) => {
    expect(patch([{ op: 'add', path, value: 1 }])).toMatchObject({ ok: false, code: 'missing-parent' });
    expect(patch([{ path, value: 1 }])).toMatchObject({ ok: false, code: 'missing-parent' });
    expect(patch([{ op: 'remove', path }])).toMatchObject({ ok: false, code: 'missing-parent' });
  });

  it('names the parent that is missing in the message, escaped as in the path', () => {
    expect(patch([{ op: 'add', path: '/metadata/x~1y/z', value: 1 }])).toMatchObject({
      message: 'there is no map or list at /metadata/x~1y: add it first',
    });
  });

  it('the empty key is a key', () => {
    expect(patch([{ op: 'add', path: '/', value: 1 }])).toMatchObject({ value: { '': 1 } });
  });

  it('a key called __proto__ is a key like any other', () => {
    const result = patch([{ op: 'add', path: '/__proto__', value: { polluted: true } }]);
    expect(Object.hasOwn((result as { value: object }).value, '__proto__')).toBe(true);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    expect(patch([{ op: 'add', path: '/constructor/x', value: 1 }])).toMatchObject({
      code: 'missing-parent',
    });
  });
});

describe('escapes', () => {
  it.each([
    ['/metadata/annotations/a~1b', 'a/b'],
    ['/metadata/annotations/a~0b', 'a~b'],
    ['/metadata/annotations/~01', '~1'],
    ['/metadata/annotations/~00', '~0'],
    ['/metadata/annotations/~~1', '~/'],
    ['/metadata/annotations/~2', '~2'],
  ])('%s means %s', (path, key) => {
    expect(patch([{ op: 'add', path, value: 'new' }])).toMatchObject({
      value: { metadata: { annotations: { [key]: 'new' } } },
    });
  });
});

describe('odd paths', () => {
  it('what stands before the first slash is dropped', () => {
    expect(patch([{ path: 'spec/replicas', value: 4 }])).toMatchObject({
      value: { replicas: 4, spec: { replicas: 2 } },
    });
  });

  it('without a slash it leads nowhere', () => {
    for (const op of ['add', 'remove', 'replace']) {
      expect(patch([{ op, path: 'spec', value: 1 }])).toMatchObject({ ok: false, code: 'missing-parent' });
    }
  });

  it('the empty path replaces the document by a map or list, but can not be added to or removed', () => {
    expect(patch([{ path: '', value: { kind: 'X' } }])).toEqual({ ok: true, value: { kind: 'X' } });
    expect(
      patch([
        { path: '', value: ['x'] },
        { op: 'add', path: '/0', value: 'w' },
      ]),
    ).toEqual({ ok: true, value: ['w', 'x'] });
    expect(patch([{ op: 'add', path: '', value: {} }])).toMatchObject({ code: 'missing-parent' });
    expect(patch([{ op: 'remove', path: '' }])).toMatchObject({ code: 'missing-parent' });
  });

  it('the empty path with anything else changes nothing, and with nothing fails', () => {
    expect(patch([{ path: '', value: 5 }])).toEqual({ ok: true, value: document });
    expect(patch([{ path: '' }])).toMatchObject({ ok: false, code: 'not-a-document' });
  });
});

describe('operations', () => {
  it.each(['move', 'copy', 'test', 'ADD', 'Replace', ' add'])('"%s" is unknown', (op) => {
    expect(patch([{ op, path: '/spec/replicas', value: 1 }])).toMatchObject({
      ok: false,
      code: 'invalid-op',
    });
  });

  it('come in order, and the first that fails is told', () => {
    const result = patch([
      { op: 'add', path: '/metadata/labels', value: {} },
      { op: 'add', path: '/metadata/labels/a', value: 'b' },
      { op: 'remove', path: '/spec/absent' },
      { op: 'nonsense', path: '/' },
    ]);
    expect(result).toMatchObject({ ok: false, code: 'missing-key', index: 2 });
  });
});

const key = fc.constantFrom('a', 'b', '0', '1', '-1', '-', '2', '', '~0', '~1', '__proto__');
const operation: fc.Arbitrary<PatchOperation> = fc.record({
  op: fc.constantFrom('add', 'remove', 'replace', ''),
  path: fc.array(key, { maxLength: 4 }).map((keys) => keys.map((each) => `/${each}`).join('')),
  value: fc.jsonValue({ maxDepth: 2 }),
});
const { tree } = fc.letrec<{ tree: Json }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<Json>(null, 1, 'x', true),
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', '0', '1', ''), tie('tree'), { maxKeys: 3 }),
  ),
}));

describe('any patch', () => {
  it('leaves the document and the operations as they were', () => {
    fc.assert(
      fc.property(tree, fc.array(operation, { maxLength: 5 }), (before, operations) => {
        const copies = structuredClone({ before, operations });
        applyJsonPatch(before, operations);
        expect({ before, operations }).toEqual(copies);
      }),
    );
  });

  it('gives the same in one go as one operation after the other', () => {
    fc.assert(
      fc.property(tree, fc.array(operation, { maxLength: 5 }), (before, operations) => {
        let value = before;
        for (const [index, each] of operations.entries()) {
          const step = applyJsonPatch(value, [each]);
          if (!step.ok) {
            expect(applyJsonPatch(before, operations)).toEqual({ ...step, index });
            return;
          }
          value = step.value;
        }
        expect(applyJsonPatch(before, operations)).toEqual({ ok: true, value });
      }),
    );
  });

  it('what is added somewhere can be removed again, which gives the document of before', () => {
    fc.assert(
      fc.property(tree, key, fc.constantFrom('', '/a', '/b', '/a/0'), (before, last, parent) => {
        const path = `${parent}/${last}`;
        // An existing member would be overwritten, and the dash can't be removed.
        fc.pre(last !== '-' && !applyJsonPatch(before, [{ op: 'remove', path }]).ok);
        const added = applyJsonPatch(before, [{ op: 'add', path, value: 'new' }]);
        fc.pre(added.ok && last !== '-1');
        expect(applyJsonPatch((added as { value: Json }).value, [{ op: 'remove', path }])).toEqual({
          ok: true,
          value: before,
        });
      }),
    );
  });
});
