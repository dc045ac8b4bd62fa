// dag/internal/place_finder.h — from a field of a parsed text-format message to its place in the
// file.
#ifndef WEFT_DAG_INTERNAL_PLACE_FINDER_H_
#define WEFT_DAG_INTERNAL_PLACE_FINDER_H_

#include <string>

#include "dag/spec.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/text_format.h"

namespace weft::dag_internal {

// The places of one message; cheap to copy. A message that the parser did not see (a default) has
// the place of what holds it.
class PlaceFinder {
 public:
  PlaceFinder(const google::protobuf::Descriptor* descriptor,
              google::protobuf::TextFormat::ParseInfoTree* tree, Place place)
      : descriptor_(descriptor), tree_(tree), place_(std::move(place)) {}

  // The place of the message itself.
  const Place& place() const { return place_; }

  // The place of the field `name` (of its `index`-th value if it is repeated).
  Place Of(const char* name, int index = -1) const {
    const google::protobuf::FieldDescriptor* field = descriptor_->FindFieldByName(name);
    if (tree_ == nullptr || field == nullptr) return place_;
    const auto location = tree_->GetLocation(field, index);
    if (location.line < 0) return place_;
    return {place_.file, location.line + 1, location.column + 1};
  }

  // The finder of the message in the field `name`.
  PlaceFinder Nested(const char* name, int index = -1) const {
    const google::protobuf::FieldDescriptor* field = descriptor_->FindFieldByName(name);
    google::protobuf::TextFormat::ParseInfoTree* nested =
        tree_ == nullptr ? nullptr : tree_->GetTreeForNested(field, index);
    return PlaceFinder(field->message_type(), nested, Of(name, index));
  }

 private:
  const google::protobuf::Descriptor* descriptor_;
  google::protobuf::TextFormat::ParseInfoTree* tree_;
  Place place_;
};

}  // namespace weft::dag_internal

#endif  // WEFT_DAG_INTERNAL_PLACE_FINDER_H_
