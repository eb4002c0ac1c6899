export type Condition =
  | {
      readonly ok: true;
      readonly test: (value: number) => boolean;
      /** The text says what to make of NaN, which every other comparison answers with "no". */
      readonly speaksOfNaN: boolean;
    }
  | {
      readonly ok: false;
      /** Names the column, counted from 1. */
      readonly message: string;
    };

type Test = (value: number) => boolean;

type Token = { readonly text: string; readonly column: number } & (
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'word' | 'comparison' | 'open' | 'close' | 'end' }
);

type Operand = { readonly kind: 'result' } | { readonly kind: 'number'; readonly value: number };

const comparisons: Readonly<Record<string, (left: number, right: number) => boolean>> = {
  '<': (left, right) => left < right,
  '<=': (left, right) => left <= right,
  '>': (left, right) => left > right,
  '>=': (left, right) => left >= right,
  '==': (left, right) => left === right,
  '!=': (left, right) => left !== right,
};

const tokenPattern =
  /\s*(?:(?<number>[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|(?:NaN|Inf)\b))|(?<comparison><=|>=|==|!=|<|>)|(?<synonym>&&|\|\||!)|(?<open>\()|(?<close>\))|(?<word>[A-Za-z_][A-Za-z_0-9]*))/y;

/** People who come from other tools write these. */
const synonyms: Readonly<Record<string, string>> = { '&&': 'and', '||': 'or', '!': 'not' };

/** A condition nested deeper than this is a mistake, and would exhaust the stack if it went on. */
const maxDepth = 64;

class Mistake extends Error {
  readonly column: number;

  constructor(message: string, column: number) {
    super(message);
    this.column = column;
  }
}

/**
 * Reads when an answer is good or bad.
 *
 *     condition  = all { "or" all }
 *     all        = one { "and" one }
 *     one        = "not" one | "(" condition ")" | "isNaN" "(" "result" ")" | comparison
 *     comparison = side ("<" | "<=" | ">" | ">=" | "==" | "!=") side
 *     side       = "result" | number            (one of each)
 */
export function parseCondition(text: string): Condition {
  try {
    const parser = new Parser(tokensOf(text));
    const test = parser.condition();
    parser.end();
    return { ok: true, test, speaksOfNaN: parser.speaksOfNaN };
  } catch (error) {
    if (!(error instanceof Mistake)) throw error;
    return { ok: false, message: `column ${error.column}: ${error.message}` };
  }
}

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (text.slice(at).trim() !== '') {
    tokenPattern.lastIndex = at;
    const groups = tokenPattern.exec(text)?.groups;
    const column = at + (/^\s*/.exec(text.slice(at))?.[0].length ?? 0) + 1;
    if (!groups) throw new Mistake(hintAt(text, column - 1), column);
    at = tokenPattern.lastIndex;
    tokens.push(tokenOf(groups, text.slice(column - 1, at), column));
  }
  tokens.push({ kind: 'end', text: '', column: text.length + 1 });
  return tokens;
}

function tokenOf(groups: Readonly<Record<string, string | undefined>>, text: string, column: number): Token {
  if (groups.number !== undefined) return { kind: 'number', text, column, value: numberOf(groups.number) };
  if (groups.comparison) return { kind: 'comparison', text, column };
  if (groups.synonym) return { kind: 'word', text: synonyms[text] ?? text, column };
  if (groups.open) return { kind: 'open', text, column };
  if (groups.close) return { kind: 'close', text, column };
  return { kind: 'word', text, column };
}

function numberOf(text: string): number {
  return Number(text.replace('Inf', 'Infinity').replace(/^[+-]NaN$/, 'NaN'));
}

function hintAt(text: string, at: number): string {
  const character = text[at] ?? '';
  if (character === '=') return 'write "==" for equal';
  if (character === '[') return 'write "result" alone: of several series each is looked at by itself';
  if (character === '&' || character === '|') return 'write "and" or "or"';
  return `"${String.fromCodePoint(text.codePointAt(at) ?? 0)}" has no meaning here`;
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;
  speaksOfNaN = false;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  condition(): Test {
    this.#depth += 1;
    if (this.#depth > maxDepth) throw new Mistake('this is nested too deep', this.#next.column);
    let test = this.#all();
    while (this.#takeWord('or')) test = either(test, this.#all());
    this.#depth -= 1;
    return test;
  }

  end(): void {
    const { kind, text, column } = this.#next;
    if (kind === 'end') return;
    if (kind === 'comparison') {
      throw new Mistake(
        'a comparison has two sides: join two with "and", such as result >= 1 and result < 5',
        column,
      );
    }
    throw new Mistake(`"and", "or" or the end is expected, not "${text}"`, column);
  }

  #all(): Test {
    let test = this.#one();
    while (this.#takeWord('and')) test = both(test, this.#one());
    return test;
  }

  #one(): Test {
    let isTurned = false;
    while (this.#takeWord('not')) isTurned = !isTurned;
    const test = this.#plain();
    return isTurned ? (value) => !test(value) : test;
  }

  #plain(): Test {
    if (this.#next.kind === 'open') {
      this.#advance();
      const test = this.condition();
      this.#close();
      return test;
    }
    if (this.#takeWord('isNaN')) return this.#isNaN();
    return this.#comparison();
  }

  #isNaN(): Test {
    if (this.#next.kind !== 'open')
      throw new Mistake('"(" is expected: write isNaN(result)', this.#next.column);
    this.#advance();
    if (!this.#takeWord('result')) {
      throw new Mistake('"result" is expected: write isNaN(result)', this.#next.column);
    }
    this.#close();
    this.speaksOfNaN = true;
    return Number.isNaN;
  }

  #comparison(): Test {
    const { column } = this.#next;
    const left = this.#side();
    const sign = this.#next;
    if (sign.kind !== 'comparison') {
      throw new Mistake(`a comparison is expected (<, <=, >, >=, ==, !=)${insteadOf(sign)}`, sign.column);
    }
    this.#advance();
    const right = this.#side();
    if (left.kind === right.kind) {
      throw new Mistake('one side of a comparison must be "result" and the other a number', column);
    }
    const limit = left.kind === 'number' ? left.value : right.kind === 'number' ? right.value : Number.NaN;
    if (Number.isNaN(limit)) return this.#comparedWithNaN(sign);
    const holds = comparisons[sign.text] ?? (() => false);
    // NaN differs from every number, but it is no answer: `result != 0` does not let it pass.
    if (left.kind === 'result') return (value) => !Number.isNaN(value) && holds(value, limit);
    return (value) => !Number.isNaN(value) && holds(limit, value);
  }

  #comparedWithNaN({ text, column }: Token): Test {
    if (text !== '==' && text !== '!=') {
      throw new Mistake('nothing is smaller or larger than NaN: write isNaN(result)', column);
    }
    this.speaksOfNaN = true;
    return text === '==' ? Number.isNaN : (value) => !Number.isNaN(value);
  }

  #side(): Operand {
    const token = this.#next;
    if (token.kind === 'number') {
      this.#advance();
      return { kind: 'number', value: token.value };
    }
    if (this.#takeWord('result')) return { kind: 'result' };
    throw new Mistake(`"result" or a number is expected${insteadOf(token)}`, token.column);
  }

  #close(): void {
    if (this.#next.kind !== 'close') throw new Mistake('")" is expected', this.#next.column);
    this.#advance();
  }

  #takeWord(word: string): boolean {
    if (this.#next.kind !== 'word' || this.#next.text !== word) return false;
    this.#advance();
    return true;
  }

  get #next(): Token {
    const token = this.#tokens[this.#at];
    if (!token) throw new Mistake('the text ends too early', 1);
    return token;
  }

  #advance(): void {
    this.#at += 1;
  }
}

function insteadOf({ kind, text }: Token): string {
  return kind === 'end' ? ', but the text ends' : `, not "${text}"`;
}

function both(left: Test, right: Test): Test {
  return (value) => left(value) && right(value);
}

function either(left: Test, right: Test): Test {
  return (value) => left(value) || right(value);
}
