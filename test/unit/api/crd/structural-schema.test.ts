import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { structuralSchema } from '../../../../src/api/crd/structural-schema.ts';

describe('the structural schema of a zod schema', () => {
  it('keeps what was said with meta beside the field', () => {
    const schema = z.object({
      names: z.array(z.string()).meta({ description: 'Names.', 'x-kubernetes-list-type': 'set' }),
    });
    expect(structuralSchema(schema)).toEqual({
      type: 'object',
      required: ['names'],
      properties: {
        names: {
          type: 'array',
          description: 'Names.',
          'x-kubernetes-list-type': 'set',
          items: { type: 'string' },
        },
      },
    });
  });

  it('bounds an integer by its format alone, unless a bound was asked for', () => {
    expect(structuralSchema(z.int().meta({ format: 'int64' }))).toEqual({ type: 'integer', format: 'int64' });
    expect(structuralSchema(z.int().min(0).meta({ format: 'int32' }))).toEqual({
      type: 'integer',
      format: 'int32',
      minimum: 0,
    });
  });

  it('keeps unknown fields where anything may stand, and null where any value may', () => {
    expect(structuralSchema(z.record(z.string(), z.unknown()))).toEqual({
      type: 'object',
      'x-kubernetes-preserve-unknown-fields': true,
    });
    expect(structuralSchema(z.looseObject({ kind: z.string() }))).toMatchObject({
      'x-kubernetes-preserve-unknown-fields': true,
    });
    expect(structuralSchema(z.object({ value: z.unknown() }))['properties']).toEqual({
      value: { 'x-kubernetes-preserve-unknown-fields': true, nullable: true },
    });
  });

  it('lets a field with a default be left out', () => {
    expect(structuralSchema(z.object({ size: z.string().default('small') }))).toEqual({
      type: 'object',
      properties: { size: { type: 'string', default: 'small' } },
    });
  });

  it.each([
    ['a union', z.object({ a: z.union([z.string(), z.object({})]) }), /schema\.a uses anyOf/],
    ['look-around in a pattern', z.object({ b: z.string().regex(/^(?!x)/) }), /schema\.b .*look-around/],
  ])('refuses %s and names the field', (_, schema, message) => {
    expect(() => structuralSchema(schema)).toThrow(message);
  });
});
