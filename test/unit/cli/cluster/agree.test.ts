import { describe, expect, it } from 'vitest';
import { agree } from '../../../../src/cli/cluster/agree.ts';

const reset = 'this takes data or machines away (m2: reset)';

function answering(answer: string) {
  const questions: string[] = [];
  return {
    questions,
    agreement: {
      isGiven: false,
      ask: async (question: string) => {
        questions.push(question);
        return answer;
      },
    },
  };
}

describe('what takes something away', () => {
  it('goes on with --yes, and asks nobody', async () => {
    const { questions, agreement } = answering('');
    await agree('shop', reset, { ...agreement, isGiven: true });
    expect(questions).toEqual([]);
  });

  it("goes on when the cluster's name is typed", async () => {
    const { questions, agreement } = answering('shop\n');
    await agree('shop', reset, agreement);
    expect(questions).toEqual([
      'This takes data or machines away (m2: reset).\nType the name of the cluster (shop) to agree: ',
    ]);
  });

  it.each(['yes', 'y', '', 'shops'])('stops at the answer "%s"', async (answer) => {
    await expect(agree('shop', reset, answering(answer).agreement)).rejects.toMatchObject({
      reason: 'NeedsConsent',
      message: expect.stringContaining('nothing was changed') as string,
    });
  });

  it('stops where nobody can be asked, and names the flag', async () => {
    await expect(agree('shop', reset, { isGiven: false, ask: undefined })).rejects.toThrow(
      'this takes data or machines away (m2: reset): say --yes to agree',
    );
  });
});
