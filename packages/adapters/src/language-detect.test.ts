import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { languageDetect } from "./language-detect.ts";
import { failure, problems, runOne } from "./testing/run-adapter.ts";

const TEXTS: Readonly<Record<string, string>> = {
  en: "The wheel of the mill turns when water falls on it, day and night.",
  de: "Das Rad der Mühle dreht sich, wenn Wasser darauf fällt, bei Tag und Nacht.",
  fr: "La roue du moulin tourne quand l'eau tombe dessus, de jour comme de nuit.",
  es: "La rueda del molino gira cuando el agua cae sobre ella, de día y de noche.",
  it: "La ruota del mulino gira quando l'acqua vi cade sopra, giorno e notte.",
  nl: "Het rad van de molen draait wanneer er water op valt, dag en nacht.",
  pl: "Koło młyńskie obraca się, gdy spada na nie woda, w dzień i w nocy.",
  ru: "Колесо мельницы вращается, когда на него падает вода, днём и ночью.",
  ja: "水車は水が落ちると昼も夜も回り続けるのです。とても静かな村です。",
  zh: "水落在水车上的时候,磨坊的轮子日夜不停地转动。这是一个安静的村庄。",
};

describe("language_detect", () => {
  test("names the language of a sentence", async () => {
    for (const [language, text] of Object.entries(TEXTS)) {
      const found = await runOne(languageDetect, {}, { text, kept: 1 });
      assert.deepEqual([found.language, found.kept, found.text], [language, 1, text]);
      assert.ok(Number(found.language_score) > 0 && Number(found.language_score) <= 1);
    }
  });

  test("says null of what is too short, or no language at all", async () => {
    for (const text of ["", "ok", "12345 67890 - 4711 + 0815 = ?", "{}[]();"])
      assert.equal((await runOne(languageDetect, {}, { text })).language, null, text);
    const { language } = await runOne(languageDetect, { min_characters: 0, field: "body" }, { body: "Guten Tag" });
    assert.equal(language, "de");
  });

  test("fails for good where there is no text, and refuses a config that cannot work", async () => {
    assert.equal((await failure(languageDetect, {}, { text: 7 })).code, "TEXT_MISSING");
    for (const config of [{ field: "" }, { min_characters: -1 }, { languages: ["en"] }])
      assert.equal(problems(languageDetect, config).length, 1, JSON.stringify(config));
  });
});
