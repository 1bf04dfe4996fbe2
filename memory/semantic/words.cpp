#include "memory/semantic/words.hpp"

#include <array>
#include <unordered_map>
#include <unordered_set>

namespace mnema::semantic {
namespace {

using Words = std::unordered_set<std::string_view>;
using Meanings = std::unordered_map<std::string_view, std::string_view>;

}  // namespace

bool is_verb(std::string_view word) {
  static const Words all = {
      "am",        "is",       "are",       "was",       "were",     "be",       "been",     "'s",      "have",
      "has",       "had",      "got",       "live",      "lives",    "lived",    "living",   "reside",  "resides",
      "moved",     "moving",   "relocated", "settled",   "left",     "work",     "works",    "worked",  "working",
      "joined",    "started",  "start",     "starts",    "quit",     "retired",  "became",   "study",   "studies",
      "studied",   "studying", "turned",    "like",      "likes",    "liked",    "love",     "loves",   "loved",
      "enjoy",     "enjoys",   "enjoyed",   "adore",     "adores",   "hate",     "hates",    "hated",   "dislike",
      "dislikes",  "detest",   "prefer",    "prefers",   "drink",    "drinks",   "drank",    "eat",     "eats",
      "smoke",     "smokes",   "vape",      "stopped",   "stop",     "gave",     "given",    "adopted", "own",
      "owns",      "drive",    "drives",    "bought",    "sold",     "cost",     "costs",    "rose",    "went",
      "dropped",   "fell",     "increased", "decreased", "raised",   "pay",      "speak",    "speaks",  "play",
      "plays",     "use",      "uses",      "used",      "using",    "switched", "migrated", "come",    "comes",
      "came",      "meant",    "call",      "died",      "passed",   "married",  "divorced", "born",    "rescheduled",
      "postponed", "pushed",   "begins",    "takes",     "replaced", "lost",     "hired",    "fired",   "graduated",
      "learned",   "speaking", "says",      "said",      "told",     "thinks",   "think",    "want",    "wants",
      "need",      "needs",    "will",      "would",     "could",    "should",   "might",    "may",     "can",
      "must",      "do",       "does",      "did",       "know",     "knows",    "goes",     "go",      "made",
      "make",      "makes",    "rent",      "rents",     "named",    "called",   "acquired",
  };
  return all.contains(word);
}

bool is_filler(std::string_view word) {
  static const Words all = {
      "just",       "recently",   "finally",    "really",   "also",          "already",     "definitely", "absolutely",
      "totally",    "still",      "even",       "quite",    "very",          "so",          "too",        "well",
      "oh",         "yes",        "yeah",       "yep",      "hey",           "hi",          "hello",      "please",
      "btw",        "fyi",        "anyway",     "honestly", "unfortunately", "luckily",     "sadly",      "basically",
      "literally",  "both",       "only",       "lately",   "officially",    "permanently", "then",       "ok",
      "okay",       "always",     "usually",    "often",    "mostly",        "mainly",      "generally",  "ever",
      "all",        "truly",      "simply",     "happily",  "again",         "by-the-way",  "lol",        "haha",
      "wow",        "there",      "ah",         "hmm",      "thanks",        "actually",    "sometimes",  "especially",
      "personally", "originally", "eventually", "suddenly", "myself",        "back",        "together",   "of-course",
  };
  return all.contains(word);
}

bool ends_phrase(std::string_view word) {
  static const Words all = {
      "at",      "in",     "on",     "from",     "for",   "with",     "since",   "because", "when",   "while",   "but",
      "that",    "which",  "who",    "if",       "after", "before",   "by",      "about",   "near",   "to",      "as",
      "every",   "and",    "or",     "i",        "we",    "you",      "he",      "she",     "they",   "it",      "than",
      "over",    "where",  "what",   "how",      "why",   "although", "though",  "until",   "till",   "without", "into",
      "around",  "not",    "me",     "us",       "him",   "them",     "more",    "most",    "during", "right",   "here",
      "instead", "anyway", "these",  "those",    "like",  "&",        "via",     "per",     "'s",     "/",       "each",
      "due",     "cause",  "thanks", "whenever", "whose", "almost",   "whereas", "lot",     "much",
  };
  return all.contains(word);
}

bool is_empty_object(std::string_view word) {
  static const Words all = {
      "it",       "that",    "this",  "you",    "them",    "him",   "her",      "me",      "us",         "there",
      "here",     "what",    "how",   "one",    "those",   "these", "idea",     "way",     "everything", "something",
      "anything", "nothing", "thing", "things", "so",      "lot",   "bit",      "ones",    "stuff",      "someone",
      "everyone", "people",  "time",  "day",    "some",    "sound", "look",     "both",    "all",        "your",
      "his",      "their",   "its",   "whole",  "part",    "much",  "question", "problem", "feeling",    "fact",
      "role",     "sense",   "being", "having", "getting", "role",  "sense",    "job",     "story",
  };
  return all.contains(word);
}

std::string_view relation_of(std::string_view word) {
  static const Meanings all = {
      {"sister", "sister"},
      {"brother", "brother"},
      {"wife", "wife"},
      {"husband", "husband"},
      {"partner", "partner"},
      {"mother", "mother"},
      {"mom", "mother"},
      {"mum", "mother"},
      {"father", "father"},
      {"dad", "father"},
      {"son", "son"},
      {"daughter", "daughter"},
      {"boss", "boss"},
      {"manager", "boss"},
      {"friend", "friend"},
      {"colleague", "colleague"},
      {"roommate", "roommate"},
      {"flatmate", "roommate"},
      {"girlfriend", "girlfriend"},
      {"boyfriend", "boyfriend"},
      {"neighbour", "neighbour"},
      {"neighbor", "neighbour"},
      {"cousin", "cousin"},
      {"aunt", "aunt"},
      {"uncle", "uncle"},
      {"spouse", "spouse"},
      {"grandmother", "grandmother"},
      {"grandma", "grandmother"},
      {"grandfather", "grandfather"},
      {"grandpa", "grandfather"},
  };
  const auto found = all.find(word);
  return found == all.end() ? std::string_view() : found->second;
}

bool is_pet(std::string_view word) {
  static const Words all = {"dog",    "cat",     "puppy",   "kitten",  "parrot",   "rabbit",   "hamster",  "horse",
                            "turtle", "bird",    "snake",   "pony",    "budgie",   "fish",     "goldfish", "dogs",
                            "cats",   "puppies", "kittens", "rabbits", "chickens", "tortoise", "lizard",   "ferret"};
  return all.contains(word);
}

bool is_belonging(std::string_view word) {
  static const Words all = {"car",        "house",     "flat",   "apartment", "bike",   "bicycle",    "boat",
                            "motorcycle", "motorbike", "garden", "piano",     "guitar", "camera",     "laptop",
                            "scooter",    "van",       "truck",  "cabin",     "shop",   "restaurant", "violin",
                            "farm",       "phone",     "tesla",  "cottage",   "studio", "drone",      "tent",
                            "caravan",    "sailboat",  "van",    "motorhome"};
  return all.contains(word);
}

bool is_profession(std::string_view word) {
  static const Words all = {
      "teacher",    "nurse",        "doctor",       "engineer",      "lawyer",       "pilot",        "chef",
      "cook",       "baker",        "plumber",      "driver",        "writer",       "author",       "artist",
      "designer",   "developer",    "programmer",   "manager",       "accountant",   "architect",    "dentist",
      "surgeon",    "vet",          "veterinarian", "pharmacist",    "scientist",    "researcher",   "professor",
      "lecturer",   "student",      "carpenter",    "electrician",   "mechanic",     "farmer",       "gardener",
      "journalist", "editor",       "photographer", "musician",      "singer",       "actor",        "actress",
      "dancer",     "coach",        "trainer",      "therapist",     "psychologist", "psychiatrist", "consultant",
      "analyst",    "director",     "ceo",          "cto",           "founder",      "freelancer",   "contractor",
      "waiter",     "waitress",     "barista",      "bartender",     "cashier",      "clerk",        "secretary",
      "assistant",  "receptionist", "police",       "officer",       "firefighter",  "soldier",      "paramedic",
      "midwife",    "counselor",    "counsellor",   "librarian",     "translator",   "interpreter",  "economist",
      "biologist",  "chemist",      "physicist",    "mathematician", "tutor",        "technician",   "administrator",
      "salesman",   "salesperson",  "realtor",      "broker",        "banker",       "judge",        "attorney",
      "paralegal",  "hairdresser",  "barber",       "tailor",        "butcher",      "fisherman",    "sailor",
      "captain",    "astronaut",    "principal",    "intern",        "apprentice",   "blogger",      "entrepreneur",
  };
  return all.contains(word);
}

bool is_state(std::string_view word) {
  static const Words all = {
      "down",     "up",        "open",         "closed",    "paused",   "broken",   "fixed",   "online",  "offline",
      "live",     "available", "unavailable",  "cancelled", "canceled", "delayed",  "ready",   "done",    "finished",
      "approved", "rejected",  "blocked",      "running",   "stopped",  "disabled", "enabled", "healthy", "degraded",
      "active",   "inactive",  "out-of-stock", "sold-out",  "overdue",  "paid",     "unpaid",  "shipped", "delivered",
      "pending",  "archived",  "deprecated",   "locked",    "unlocked", "empty",    "full"};
  return all.contains(word);
}

bool is_habit(std::string_view gerund) {
  static const Words all = {
      "smoking",   "vaping",       "drinking",  "eating",   "playing",      "using",        "running",  "jogging",
      "swimming",  "cycling",      "biking",    "surfing",  "skiing",       "climbing",     "hiking",   "sailing",
      "rowing",    "boxing",       "dancing",   "painting", "drawing",      "knitting",     "sewing",   "gardening",
      "fishing",   "hunting",      "cooking",   "baking",   "meditating",   "journaling",   "gambling", "gaming",
      "commuting", "volunteering", "streaming", "blogging", "snowboarding", "skateboarding"};
  return all.contains(gerund);
}

std::string_view currency_of(std::string_view word) {
  static const Meanings all = {
      {"€", "EUR"},      {"eur", "EUR"},     {"euro", "EUR"},  {"euros", "EUR"},   {"$", "USD"},      {"usd", "USD"},
      {"dollar", "USD"}, {"dollars", "USD"}, {"bucks", "USD"}, {"£", "GBP"},       {"gbp", "GBP"},    {"pound", "GBP"},
      {"pounds", "GBP"}, {"quid", "GBP"},    {"chf", "CHF"},   {"franc", "CHF"},   {"francs", "CHF"}, {"¥", "JPY"},
      {"jpy", "JPY"},    {"yen", "JPY"},     {"₹", "INR"},     {"inr", "INR"},     {"rupees", "INR"}, {"sek", "SEK"},
      {"nok", "NOK"},    {"dkk", "DKK"},     {"pln", "PLN"},   {"cents", "cents"}, {"cent", "cents"}, {"ct", "cents"},
  };
  const auto found = all.find(word);
  return found == all.end() ? std::string_view() : found->second;
}

}  // namespace mnema::semantic
