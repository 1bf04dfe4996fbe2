#include "memory/folder_ingest.hpp"

#include <gtest/gtest.h>

#include "tests/memory/temporary_folder.hpp"

namespace mnema {
namespace {

using testing::TemporaryFolder;
using Uris = std::vector<std::string>;

FolderSource source_of(const std::string& path) {
  FolderSource source;
  source.path = path;
  source.collection = "docs";
  return source;
}

const SystemClock kClock;
const TextTools kTools(kClock);

Uris uris(const FolderSource& source) {
  Uris found;
  const auto listing = list_folder(source, collection_of(source));
  for (const FolderFile& file : listing.value().files) found.push_back(file.uri);
  return found;
}

TEST(FolderFiles, AreTheReadableOnesInOrderOfName) {
  const TemporaryFolder folder;
  for (const char* name : {"b.md", "a.txt", "sub/deep/c.HTML", "photo.png", ".hidden.md", ".git/d.md", "noextension"}) {
    folder.write(name, "x");
  }
  EXPECT_EQ(uris(source_of(folder.path())), (Uris{"docs/a.txt", "docs/b.md", "docs/sub/deep/c.HTML"}));
}

TEST(FolderFiles, AreThoseOfEveryFormatUnlessSomeAreAskedFor) {
  const TemporaryFolder folder;
  for (const char* name : {"a.csv", "b.json", "c.py", "d.PDF", "e.log", "f.docx"}) folder.write(name, "x");
  FolderSource source = source_of(folder.path());
  EXPECT_EQ(uris(source).size(), 6U);
  source.extensions = {".py"};
  EXPECT_EQ(uris(source), Uris{"docs/c.py"});
  EXPECT_EQ(list_folder(source, "docs").value().others.size(), 5U);
}

// A name may hold anything but a slash; what is printed of it stays in its line.
TEST(FolderFiles, HaveNamesThatCanBePrinted) {
  const TemporaryFolder folder;
  folder.write("two\nlines.md", "x");
  folder.write("back\\nslash.md", "x");
  folder.write("broken\xff\x1b[31m.md", "x");
  EXPECT_EQ(uris(source_of(folder.path())),
            (Uris{"docs/back\\\\nslash.md", "docs/broken\\xff\\x1b[31m.md", "docs/two\\nlines.md"}));
}

TEST(FolderFiles, OfAFileAreThatFile) {
  const TemporaryFolder folder;
  EXPECT_EQ(uris(source_of(folder.write("only.md", "x"))), Uris{"only.md"});
}

TEST(FolderFiles, DoNotLeadOutOfTheFolderByALink) {
  const TemporaryFolder folder;
  const TemporaryFolder elsewhere;
  elsewhere.write("secret.md", "x");
  folder.write("a.md", "x");
  std::filesystem::create_directory_symlink(elsewhere.path(), folder / "link");
  std::filesystem::create_symlink(folder / "gone.md", folder / "dangling.md");
  EXPECT_EQ(uris(source_of(folder.path())), Uris{"docs/a.md"});
}

// A link to a file counts as a file where it stands; its uri is the place in the folder, not where it leads.
TEST(FolderFiles, HaveTheUriOfTheirPlaceInTheFolder) {
  const TemporaryFolder folder;
  const TemporaryFolder elsewhere;
  std::filesystem::create_symlink(elsewhere.write("original.md", "x"), folder / "linked.md");
  EXPECT_EQ(uris(source_of(folder.path())), Uris{"docs/linked.md"});
}

TEST(FolderFiles, OfNoFolderAreAnErrorThatNamesIt) {
  const auto none = list_folder(source_of("/nowhere/at/all"), "docs");
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
  EXPECT_NE(none.error().message.find("/nowhere/at/all"), std::string::npos);
}

TEST(FolderCollection, IsTheFoldersOwnName) {
  const TemporaryFolder folder;
  FolderSource source = source_of(folder / "handbook/");
  EXPECT_EQ(collection_of(source), "docs");
  source.collection.clear();
  EXPECT_EQ(collection_of(source), "handbook");
  EXPECT_EQ(collection_name(source, 1), "handbook");
  const std::string parent = std::filesystem::path(folder.path()).filename().string();
  EXPECT_EQ(collection_name(source, 2), "handbook (" + parent + ")");
  EXPECT_EQ(collection_name(source, 3), "handbook (" + parent + " 2)");
  source.path = ".";
  EXPECT_EQ(collection_of(source), std::filesystem::current_path().filename().string());
}

// Whoever is root may read everything, so the test is nobody for a moment.
TEST(FolderFiles, OfAFolderThatCannotBeReadAreNotKnownAndItSaysSo) {
  const TemporaryFolder folder;
  folder.write("open/a.md", "x");
  folder.write("closed/b.md", "x");
  const testing::Unreadable closed(folder, "closed");
  if (!closed.works()) GTEST_SKIP() << "this user may read everything";
  const FolderListing listing = list_folder(source_of(folder.path()), "docs").value();
  ASSERT_EQ(listing.files.size(), 1U);
  EXPECT_EQ(listing.files[0].uri, "docs/open/a.md");
  EXPECT_EQ(listing.unread, Uris{"docs/closed/"});
  EXPECT_EQ(listing.notes,
            Uris{"folder docs/closed/ cannot be read: Permission denied; what was read from it before is kept"});
  EXPECT_EQ(list_folder(source_of(folder / "closed"), "docs").error().code, ErrorCode::kStorage)
      << "the folder itself is another matter";
}

TEST(FolderDocument, IsTheFileWithItsKindByItsName) {
  const TemporaryFolder folder;
  const FolderSource source = source_of(folder.path());
  const auto read = [&](const std::string& name, const std::string& bytes) {
    return read_document(source, "docs", {folder.write(name, bytes), "docs/" + name}, 100, kTools);
  };
  const Document document = read("a.md", "# Title\n").value();
  EXPECT_EQ(document.uri, "docs/a.md");
  EXPECT_EQ(document.collection, "docs");
  EXPECT_EQ(document.bytes, "# Title\n");
  EXPECT_EQ(document.media_type, MediaType::kMarkdown);
  EXPECT_NE(document.modified, Time{});
  EXPECT_EQ(read("B.HTM", "x").value().media_type, MediaType::kHtml);
  EXPECT_EQ(read("C.MD", "x").value().media_type, MediaType::kMarkdown);
  EXPECT_EQ(read("d.txt", "").value().bytes, "");
  EXPECT_EQ(read("e.csv", "x").value().media_type, MediaType::kTable);
  EXPECT_EQ(read("f.odd", "x").value().media_type, MediaType::kPlainText);
}

TEST(FolderDocument, SaysWhyAFileIsNotRead) {
  const TemporaryFolder folder;
  const FolderSource source = source_of(folder.path());
  const auto large =
      read_document(source, "docs", {folder.write("large.md", std::string(101, 'x')), "docs/large.md"}, 100, kTools);
  ASSERT_FALSE(large.ok());
  EXPECT_EQ(large.error().message, "docs/large.md has 101 bytes, more than document_bytes_max (100)");
  const auto gone = read_document(source, "docs", {folder / "gone.md", "docs/gone.md"}, 100, kTools);
  EXPECT_EQ(gone.error().code, ErrorCode::kStorage);
}

}  // namespace
}  // namespace mnema
