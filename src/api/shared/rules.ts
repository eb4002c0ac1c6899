/** A CEL rule as a CRD carries it; `message` names the mend, the server adds the field. */
export interface CelRule {
  readonly rule: string;
  readonly message?: string;
  readonly messageExpression?: string;
  /** Field that the error is reported at, relative to the schema that carries the rule. */
  readonly fieldPath?: string;
  /** Gives the rule `oldSelf`, an optional value that is empty on creation. */
  readonly optionalOldSelf?: boolean;
}

/** For `.meta()`: zod copies it into the JSON Schema, and so it reaches the CRD beside the field it guards. */
export function rules(...list: readonly CelRule[]): {
  readonly 'x-kubernetes-validations': readonly CelRule[];
} {
  return { 'x-kubernetes-validations': list };
}
