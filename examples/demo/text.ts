const SENTENCES = new Intl.Segmenter("en", { granularity: "sentence" });
const COMMON = new Set(
  "about above after again alone also before below from have last more next over should some than that their them then there these they this those under until were when while will with year".split(
    " ",
  ),
);

/** Returns the words of a text, in lower case. */
export function words(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [];
}

/** Returns the sentences of a text. The end of a line also ends a sentence. */
export function sentences(text: string): string[] {
  return text
    .split(/\n+/)
    .flatMap((paragraph) => Array.from(SENTENCES.segment(paragraph), ({ segment }) => segment.trim()))
    .filter((sentence) => sentence !== "");
}

/** Returns the most frequent words of a text, without common words. */
export function keywords(text: string, count: number): string[] {
  const uses = new Map<string, number>();
  for (const word of words(text)) {
    if (word.length > 3 && !COMMON.has(word)) uses.set(word, (uses.get(word) ?? 0) + 1);
  }
  const byUse = [...uses].toSorted(([, a], [, b]) => b - a);
  return byUse.slice(0, count).map(([word]) => word);
}

/** Returns the sentence that contains most of the question's words, relative to its length. */
export function bestSentence(text: string, question: string): string {
  const questionWords = new Set(words(question));
  let best = "";
  let highest = -1;
  for (const sentence of sentences(text)) {
    const sentenceWords = words(sentence);
    const score = sentenceWords.filter((word) => questionWords.has(word)).length / Math.sqrt(sentenceWords.length + 1);
    if (score > highest) [best, highest] = [sentence, score];
  }
  return best;
}
