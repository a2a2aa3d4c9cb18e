/* As much XML as STS writes: find an element, and the text of one. Attributes and namespaces are
 * passed over; a document type is refused. Messages quote nothing of the document, which may hold
 * keys.
 */
#ifndef AMPQL_SRC_SOURCE_AWS_XML_H
#define AMPQL_SRC_SOURCE_AWS_XML_H

#include "base/arena.h"
#include "base/error.h"

/* What stands inside of the first element of that name, at any depth: a view of xml.
 *   err  AMPQL_NOT_FOUND: there is none; AMPQL_BAD_DATA: tags that do not match, a cut document,
 *        more than 64 levels, a document type */
enum ampql_code aws_xml_find(struct str xml, struct str name, struct str *inside,
                             struct ampql_error *err);

/* The text of the first element of that name: entities and CDATA decoded, blanks around it gone.
 *   err  as aws_xml_find; AMPQL_BAD_DATA: an element inside, an unknown entity; AMPQL_NOMEM */
enum ampql_code aws_xml_text(struct str xml, struct str name, struct arena *arena, struct str *out,
                             struct ampql_error *err);

#endif
