export type MemberName = string & { readonly brand: 'MemberName' };

/** What placement looks at. */
export interface Member {
  readonly name: MemberName;
  /** A second name, accepted wherever a cluster is named (annotation hansa.dev/alias). */
  readonly alias?: string;
  readonly labels: Readonly<Record<string, string>>;
}
