import { styleText } from 'node:util';

export type Style = 'green' | 'yellow' | 'red' | 'cyan' | 'blue' | 'dim' | 'bold';

/** Colours text, or leaves it as it is. */
export type Paint = (style: Style, text: string) => string;

export function paintWith(colour: boolean): Paint {
  // Whoever calls has decided about colour; the stream and its environment are not asked a second time.
  return (style, text) => (colour && text ? styleText(style, text, { validateStream: false }) : text);
}
