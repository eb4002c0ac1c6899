import type { Numbers } from '../steps/types.ts';

/**
 * What a step means in a cluster where one object changes in place: the old revision has what the new one leaves, and
 * traffic goes as the pods do. Where nothing can be new in part, each step wants all of it.
 */
export function numbersInPlace({ capacity }: Numbers, isStepped: boolean): Numbers {
  const contender = isStepped ? capacity.contender : 100;
  return { capacity: { contender, incumbent: 100 - contender } };
}
