import { describe, expect, it } from 'vitest';
import { entryOf } from '../../src/logging/entry.ts';
import { learnSecret, learnSecretOf, withoutSecrets } from '../../src/logging/secrets.ts';

describe('a secret that is known', () => {
  it('is hidden as it is, percent-encoded, decoded, and as servers quote it', () => {
    learnSecret('p@ss/w"ör\td');
    const forms = ['p@ss/w"ör\td', 'p%40ss%2Fw%22%C3%B6r%09d', 'p@ss/w\\"ör\\td'];
    for (const form of forms) {
      expect(withoutSecrets(`beginning with: '${form}',`)).toBe("beginning with: '***',");
    }
    learnSecret('on%2Dthe%2Dline');
    expect(withoutSecrets('on-the-line')).toBe('***');
    learnSecret('100%');
    expect(withoutSecrets('100% of it')).toBe('*** of it');
  });

  it('is hidden in URLs, those that cannot be used too', () => {
    learnSecretOf('redis://ann:t0p:secret@one@[::1');
    expect(withoutSecrets('is t0p:secret@one fine?')).toBe('is *** fine?');
    expect(withoutSecrets('redis://ann:unknown@h:1/0 and unix://:unknown@/run/s')).toBe(
      'redis://ann:***@h:1/0 and unix://:***@/run/s',
    );
  });

  it('is hidden where a server has cut it off', () => {
    const long = 'abcdefgh'.repeat(20);
    learnSecret(long);
    expect(withoutSecrets(`args beginning with: '${long.slice(0, 128)}'`)).toBe(
      "args beginning with: '***'",
    );
  });

  it('that is the beginning of another does not lay the rest of that open', () => {
    learnSecret('tiger');
    learnSecret('tiger-lily');
    expect(withoutSecrets('tiger-lily, tiger')).toBe('***, ***');
  });

  it('that could be a word is hidden where it stands alone', () => {
    learnSecret('pass');
    expect(withoutSecrets("the password 'pass', redis://:pass@h")).toBe(
      "the password '***', redis://:***@h",
    );
    learnSecret('re');
    learnSecret('');
    expect(withoutSecrets("AUTH 're' is refused")).toBe("AUTH '***' is refused");
  });

  it('is hidden in the fields too', () => {
    learnSecret('held');
    const { message, fields } = entryOf('step', 'held up', { event: 'held', position: 'held:1' });
    expect([message, fields]).toEqual(['*** up', { event: 'held', position: '***:1' }]);
  });
});
