/*
 * The rows of the function table, sorted by name (byte order). Included several times by func.c and func.h,
 * so it has no guard:
 *
 * X(name, signature, group, params, min, max, flags, doc, example, result)
 */
/* clang-format off */
X(abs, "abs(number) -> number", "number", "n", 1, 1, FUNC_DEEP,
    "The absolute value of the number.",
    "abs(-3)", "3")
X(abspath, "abspath(path) -> string", "file", "s", 1, 1, FUNC_DEEP,
    "The absolute path, without . and .. in it.",
    "abspath('/a/../b/./c')", "\"/b/c\"")
X(allow, "allow(actions, resources, [conditions]) -> map", "policy", "aax", 2, 3, FUNC_OWN_MARKS,
    "A policy document that allows the actions on the resources (each a text or a list).",
    "allow('s3:GetObject', 'arn:aws:s3:::lake/*').Statement[0].Effect", "\"Allow\"")
X(base64decode, "base64decode(text) -> string", "encode", "s", 1, 1, FUNC_DEEP,
    "The text decoded from base64.",
    "base64decode('aGVsbG8=')", "\"hello\"")
X(base64encode, "base64encode(text) -> string", "encode", "s", 1, 1, FUNC_DEEP,
    "The text as base64.",
    "base64encode('hello')", "\"aGVsbG8=\"")
X(base64sha256, "base64sha256(text) -> string", "hash", "s", 1, 1, FUNC_DEEP,
    "The SHA-256 of the text, as base64.",
    "base64sha256('')", "\"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"")
X(basename, "basename(path) -> string", "file", "s", 1, 1, FUNC_DEEP,
    "The part of the path after the last slash.",
    "basename('a/b.csv')", "\"b.csv\"")
X(can, "can(value) -> boolean", "convert", "x", 1, 1, FUNC_LAZY,
    "Whether the expression can be evaluated without an error.",
    "can({a: 1}.b)", "false")
X(ceil, "ceil(number) -> integer", "number", "n", 1, 1, FUNC_DEEP,
    "The number rounded up to a whole number.",
    "ceil(1.2)", "2")
X(chomp, "chomp(text) -> string", "text", "s", 1, 1, FUNC_DEEP,
    "The text without line breaks at its end.",
    "chomp(\"a\\n\")", "\"a\"")
X(chunk, "chunk(list, size) -> list", "list", "li", 2, 2, FUNC_SHALLOW,
    "The list divided into lists of at most `size` items.",
    "chunk([1, 2, 3], 2)", "[[1,2],[3]]")
X(cidrcontains, "cidrcontains(block, address or block) -> boolean", "net", "ss", 2, 2, FUNC_DEEP,
    "Whether the block holds the address or the whole other block.",
    "cidrcontains('10.0.0.0/8', '10.1.2.3')", "true")
X(cidrhost, "cidrhost(block, number) -> string", "net", "si", 2, 2, FUNC_DEEP,
    "An address of the block by number; negative numbers count from its end.",
    "cidrhost('10.0.0.0/24', 5)", "\"10.0.0.5\"")
X(cidrnetmask, "cidrnetmask(block) -> string", "net", "s", 1, 1, FUNC_DEEP,
    "The netmask of an IPv4 block.",
    "cidrnetmask('10.0.0.0/20')", "\"255.255.240.0\"")
X(cidrsubnet, "cidrsubnet(block, bits, number) -> string", "net", "sii", 3, 3, FUNC_DEEP,
    "A subnet of the block. Its prefix is longer by `bits`; the number selects the subnet.",
    "cidrsubnet('10.0.0.0/16', 8, 2)", "\"10.0.2.0/24\"")
X(cidrsubnets, "cidrsubnets(block, bits, …) -> list", "net", "si", 2, FUNC_MANY, FUNC_DEEP,
    "Consecutive subnets of the block, each with a prefix longer by its `bits`.",
    "cidrsubnets('10.0.0.0/16', 8, 8, 4)", "[\"10.0.0.0/24\",\"10.0.1.0/24\",\"10.0.16.0/20\"]")
X(coalesce, "coalesce(value, …) -> any", "convert", "x", 1, FUNC_MANY, FUNC_OWN_MARKS,
    "The first value that is not null.",
    "coalesce(null, 'a')", "\"a\"")
X(compact, "compact(list) -> list", "list", "l", 1, 1, FUNC_SHALLOW,
    "The list without null and empty texts.",
    "compact(['a', '', null])", "[\"a\"]")
X(concat, "concat(list, …) -> list", "list", "l", 1, FUNC_MANY, FUNC_SHALLOW,
    "The lists as one.",
    "concat([1], [2, 3])", "[1,2,3]")
X(contains, "contains(list or text, value) -> boolean", "list", "ax", 2, 2, FUNC_DEEP,
    "Whether the value is in the list, or the text within the text.",
    "contains([1, 2], 2)", "true")
X(csvdecode, "csvdecode(text, [separator]) -> list", "encode", "ss", 1, 2, FUNC_DEEP,
    "The records of CSV text as maps, with the names of its first line.",
    "csvdecode(\"a|b\\n1|2\", '|')", "[{\"a\":\"1\",\"b\":\"2\"}]")
X(default, "default(value, fallback) -> any", "convert", "x", 2, 2, FUNC_LAZY,
    "The value, or the fallback where it is null or cannot be evaluated.",
    "default({a: 1}.b, 2)", "2")
X(deny, "deny(actions, resources, [conditions]) -> map", "policy", "aax", 2, 3, FUNC_OWN_MARKS,
    "A policy document that denies the actions on the resources, as allow() allows them.",
    "deny('s3:*', '*').Statement[0].Effect", "\"Deny\"")
X(dirname, "dirname(path) -> string", "file", "s", 1, 1, FUNC_DEEP,
    "The part of the path before the last slash.",
    "dirname('a/b.csv')", "\"a\"")
X(distinct, "distinct(list) -> list", "list", "l", 1, 1, FUNC_DEEP,
    "The list without repetitions, in its order.",
    "distinct([2, 1, 2])", "[2,1]")
X(element, "element(list, index) -> any", "list", "li", 2, 2, FUNC_SHALLOW,
    "The item at the index. Beyond the end of the list, counting starts again at the first item.",
    "element(['a', 'b'], 3)", "\"b\"")
X(endswith, "endswith(text, suffix) -> boolean", "text", "s", 2, 2, FUNC_DEEP,
    "Whether the text ends with the suffix.",
    "endswith('a.csv', '.csv')", "true")
X(entries, "entries(map) -> list", "map", "m", 1, 1, FUNC_SHALLOW,
    "The entries of the map as a list of {key, value}.",
    "entries({a: 1})", "[{\"key\":\"a\",\"value\":1}]")
X(file, "file(path) -> string", "file", "s", 1, 1, FUNC_DEEP,
    "The content of the text file.",
    "", "")
X(filebase64, "filebase64(path) -> string", "file", "s", 1, 1, FUNC_DEEP,
    "The content of the file, as base64.",
    "", "")
X(fileexists, "fileexists(path) -> boolean", "file", "s", 1, 1, FUNC_DEEP,
    "Whether the file exists.",
    "fileexists('no/such/file')", "false")
X(fileset, "fileset(folder, pattern) -> list", "file", "s", 2, 2, FUNC_DEEP,
    "The files of the folder whose path matches the pattern. * and ? match within a name, ** matches across folders.",
    "", "")
X(filesha256, "filesha256(path) -> string", "file", "s", 1, 1, FUNC_DEEP,
    "The SHA-256 of the file, in hexadecimal.",
    "", "")
X(flatten, "flatten(list) -> list", "list", "l", 1, 1, FUNC_SHALLOW,
    "The items of nested lists as one list.",
    "flatten([[1, [2]], 3])", "[1,2,3]")
X(floor, "floor(number) -> integer", "number", "n", 1, 1, FUNC_DEEP,
    "The number rounded down to a whole number.",
    "floor(-1.2)", "-2")
X(format, "format(format, value, …) -> string", "text", "x", 1, FUNC_MANY, FUNC_DEEP,
    "Text formatted as by printf: %s %d %05d %x %o %b %.2f %e %g %q, and %v for any value.",
    "format('%s-%03d', 'job', 7)", "\"job-007\"")
X(formatdate, "formatdate(format, timestamp) -> string", "time", "s", 2, 2, FUNC_DEEP,
    "The timestamp in UTC, in the given format. Letters: YYYY YY MMMM MMM MM M DD D EEEE EEE hh h HH H AA aa mm m ss s Z; other letters in '…'.",
    "formatdate('YYYY/MM/DD', '2026-11-21T09:30:00Z')", "\"2026/11/21\"")
X(haskey, "haskey(map, key) -> boolean", "map", "ms", 2, 2, FUNC_SHALLOW,
    "Whether the map has the key.",
    "haskey({a: 1}, 'b')", "false")
X(hexdecode, "hexdecode(text) -> string", "encode", "s", 1, 1, FUNC_DEEP,
    "The text decoded from hexadecimal.",
    "hexdecode('6869')", "\"hi\"")
X(hexencode, "hexencode(text) -> string", "encode", "s", 1, 1, FUNC_DEEP,
    "The text's bytes in hexadecimal.",
    "hexencode('hi')", "\"6869\"")
X(indent, "indent(spaces, text) -> string", "text", "is", 2, 2, FUNC_DEEP,
    "The text with all lines but the first indented.",
    "indent(2, \"a\\nb\")", "\"a\\n  b\"")
X(index, "index(list, value) -> integer", "list", "lx", 2, 2, FUNC_DEEP,
    "The index of the value in the list, from 0.",
    "index(['a', 'b'], 'b')", "1")
X(join, "join(separator, list) -> string", "text", "sl", 2, 2, FUNC_DEEP,
    "The items of the list as one text.",
    "join('-', ['a', 1, true])", "\"a-1-true\"")
X(jsondecode, "jsondecode(text) -> any", "encode", "s", 1, 1, FUNC_DEEP,
    "The value of JSON text.",
    "jsondecode('[1, null]')", "[1,null]")
X(jsonencode, "jsonencode(value, [pretty]) -> string", "encode", "xb", 1, 2, FUNC_DEEP,
    "The value as JSON text.",
    "jsonencode({a: [1, 2]})", "\"{\\\"a\\\":[1,2]}\"")
X(keys, "keys(map) -> list", "map", "m", 1, 1, FUNC_SHALLOW,
    "The keys of the map, sorted.",
    "keys({b: 1, a: 2})", "[\"a\",\"b\"]")
X(length, "length(list, map or text) -> integer", "list", "a", 1, 1, FUNC_SHALLOW,
    "The number of items, entries or characters.",
    "length('abc')", "3")
X(log, "log(number, base) -> number", "number", "n", 2, 2, FUNC_DEEP,
    "The logarithm to the base.",
    "log(8, 2)", "3.0")
X(lookup, "lookup(map, key, [fallback]) -> any", "map", "msx", 2, 3, FUNC_SHALLOW,
    "The value under the key, or the fallback.",
    "lookup({a: 1}, 'b', 0)", "0")
X(lower, "lower(text) -> string", "text", "s", 1, 1, FUNC_DEEP,
    "The text in lower case.",
    "lower('ABC')", "\"abc\"")
X(max, "max(number, …) -> number", "number", "a", 1, FUNC_MANY, FUNC_DEEP,
    "The largest of the numbers, or of a list of them.",
    "max(1, 3, 2)", "3")
X(md5, "md5(text) -> string", "hash", "s", 1, 1, FUNC_DEEP,
    "The MD5 of the text, in hexadecimal; for checksums, not for secrets.",
    "md5('')", "\"d41d8cd98f00b204e9800998ecf8427e\"")
X(merge, "merge(map, …) -> map", "map", "x", 1, FUNC_MANY, FUNC_SHALLOW,
    "The maps as one; later ones win, null counts as empty.",
    "merge({a: 1, b: 1}, {b: 2})", "{\"a\":1,\"b\":2}")
X(min, "min(number, …) -> number", "number", "a", 1, FUNC_MANY, FUNC_DEEP,
    "The smallest of the numbers, or of a list of them.",
    "min([3, 1.5, 2])", "1.5")
X(nonsensitive, "nonsensitive(value) -> any", "convert", "x", 1, 1, FUNC_OWN_MARKS,
    "The value as one that is not sensitive.",
    "nonsensitive(sensitive(1))", "1")
X(omit, "omit(map, keys) -> map", "map", "ml", 2, 2, FUNC_SHALLOW,
    "The map without these keys.",
    "omit({a: 1, b: 2}, ['a'])", "{\"b\":2}")
X(parseint, "parseint(text, [base]) -> integer", "number", "si", 1, 2, FUNC_DEEP,
    "The text as an integer, in base 10 or the given base.",
    "parseint('ff', 16)", "255")
X(pick, "pick(map, keys) -> map", "map", "ml", 2, 2, FUNC_SHALLOW,
    "The map with only these keys.",
    "pick({a: 1, b: 2}, ['a', 'c'])", "{\"a\":1}")
X(policy, "policy(statement, …) -> map", "policy", "x", 1, FUNC_MANY, FUNC_OWN_MARKS,
    "One policy document from statements, documents and lists of them.",
    "length(policy(allow('s3:*', '*'), deny('s3:Delete*', '*')).Statement)", "2")
X(pow, "pow(number, exponent) -> number", "number", "n", 2, 2, FUNC_DEEP,
    "The number raised to the exponent.",
    "pow(2, 10)", "1024")
X(range, "range(end) or range(start, end, [step]) -> list", "list", "i", 1, 3, FUNC_DEEP,
    "The integers from 0 or start up to, not including, the end.",
    "range(1, 7, 2)", "[1,3,5]")
X(regex, "regex(pattern, text) -> any", "text", "s", 2, 2, FUNC_DEEP,
    "The first match; a list of its groups where the pattern has some, a map where they have names.",
    "regex('v([0-9]+)', 'app-v12')", "[\"12\"]")
X(regexall, "regexall(pattern, text) -> list", "text", "s", 2, 2, FUNC_DEEP,
    "All matches, each as regex() gives it.",
    "regexall('[0-9]+', '1 and 22')", "[\"1\",\"22\"]")
X(regexreplace, "regexreplace(text, pattern, replacement) -> string", "text", "s", 3, 3, FUNC_DEEP,
    "The text with all matches replaced; $1 and ${name} in the replacement are groups.",
    "regexreplace('a1b2', '([0-9])', '<$1>')", "\"a<1>b<2>\"")
X(replace, "replace(text, search, replacement) -> string", "text", "s", 3, 3, FUNC_DEEP,
    "The text with every occurrence replaced.",
    "replace('a.b.c', '.', '-')", "\"a-b-c\"")
X(reverse, "reverse(list or text) -> any", "list", "a", 1, 1, FUNC_SHALLOW,
    "The list or text in reverse order.",
    "reverse([1, 2])", "[2,1]")
X(round, "round(number, [digits]) -> number", "number", "ni", 1, 2, FUNC_DEEP,
    "The number rounded to a whole number, or to the given digits after the point.",
    "round(2.5)", "3")
X(sensitive, "sensitive(value) -> any", "convert", "x", 1, 1, FUNC_OWN_MARKS,
    "The value, never printed and encrypted in the state.",
    "nonsensitive(sensitive(1) == 1)", "true")
X(setintersection, "setintersection(list, …) -> list", "list", "l", 1, FUNC_MANY, FUNC_DEEP,
    "The items that are in all lists, sorted.",
    "setintersection([1, 2], [2, 3])", "[2]")
X(setsubtract, "setsubtract(list, list) -> list", "list", "l", 2, 2, FUNC_DEEP,
    "The items of the first list that are not in the second, sorted.",
    "setsubtract([1, 2], [2])", "[1]")
X(setunion, "setunion(list, …) -> list", "list", "l", 1, FUNC_MANY, FUNC_DEEP,
    "The items of all lists without repetitions, sorted.",
    "setunion([2, 1], [2])", "[1,2]")
X(sha1, "sha1(text) -> string", "hash", "s", 1, 1, FUNC_DEEP,
    "The SHA-1 of the text, in hexadecimal.",
    "sha1('abc')", "\"a9993e364706816aba3e25717850c26c9cd0d89d\"")
X(sha256, "sha256(text) -> string", "hash", "s", 1, 1, FUNC_DEEP,
    "The SHA-256 of the text, in hexadecimal.",
    "sha256('abc')", "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"")
X(slice, "slice(list, from, [to]) -> list", "list", "lii", 2, 3, FUNC_SHALLOW,
    "The items from one index up to, not including, another.",
    "slice([1, 2, 3], 1)", "[2,3]")
X(sort, "sort(list) -> list", "list", "l", 1, 1, FUNC_DEEP,
    "The texts or numbers in order.",
    "sort([3, 1, 2])", "[1,2,3]")
X(split, "split(separator, text) -> list", "text", "s", 2, 2, FUNC_DEEP,
    "The pieces between the separators; an empty separator gives the characters.",
    "split(',', 'a,b')", "[\"a\",\"b\"]")
X(startswith, "startswith(text, prefix) -> boolean", "text", "s", 2, 2, FUNC_DEEP,
    "Whether the text begins with the prefix.",
    "startswith('s3://b', 's3:')", "true")
X(statement, "statement(map) -> map", "policy", "m", 1, 1, FUNC_SHALLOW,
    "A policy statement from sid, effect (Allow), actions, resources, principals, conditions and their not_ forms.",
    "statement({actions: 's3:Get*', resources: '*'})", "{\"Action\":\"s3:Get*\",\"Effect\":\"Allow\",\"Resource\":\"*\"}")
X(statements, "statements(policy) -> list", "policy", "x", 1, 1, FUNC_SHALLOW,
    "The statements of a policy document or its JSON text, with the keys of statement(); actions, resources and principals are lists. Null has none.",
    "statements(allow('s3:Get*', '*'))[0].actions", "[\"s3:Get*\"]")
X(substr, "substr(text, from, [length]) -> string", "text", "sii", 2, 3, FUNC_DEEP,
    "A part of the text; a negative beginning counts from the end.",
    "substr('lake-2026', -4)", "\"2026\"")
X(sum, "sum(list) -> number", "number", "a", 1, FUNC_MANY, FUNC_DEEP,
    "The sum of the numbers in the list.",
    "sum([1, 2, 3.5])", "6.5")
X(templatefile, "templatefile(path, map) -> string", "file", "sm", 2, 2, FUNC_SHALLOW,
    "The text of the file with its ${…} evaluated; the names in it are the keys of the map.",
    "", "")
X(timeadd, "timeadd(timestamp, duration) -> string", "time", "s", 2, 2, FUNC_DEEP,
    "The timestamp moved by a duration such as 1h30m, -90s, 7d.",
    "timeadd('2026-11-21T09:30:00Z', '-1d')", "\"2026-11-20T09:30:00Z\"")
X(title, "title(text) -> string", "text", "s", 1, 1, FUNC_DEEP,
    "The text with the first letter of each word in upper case.",
    "title('hello world')", "\"Hello World\"")
X(tobool, "tobool(value) -> boolean", "convert", "x", 1, 1, FUNC_DEEP,
    "true or false from the texts \"true\" and \"false\".",
    "tobool('true')", "true")
X(tolist, "tolist(value) -> list", "convert", "x", 1, 1, FUNC_SHALLOW,
    "The value in a list of one; a list as it is, null as an empty one.",
    "tolist('a')", "[\"a\"]")
X(tomap, "tomap(list) -> map", "convert", "c", 1, 1, FUNC_SHALLOW,
    "The map of a list of {key, value}: the reverse of entries().",
    "tomap([{key: 'a', value: 1}])", "{\"a\":1}")
X(tonumber, "tonumber(value) -> number", "convert", "x", 1, 1, FUNC_DEEP,
    "The text as a number.",
    "tonumber('1.5')", "1.5")
X(toset, "toset(list) -> list", "convert", "l", 1, 1, FUNC_DEEP,
    "The list sorted, without repetitions.",
    "toset(['b', 'a', 'b'])", "[\"a\",\"b\"]")
X(tostring, "tostring(value) -> string", "convert", "x", 1, 1, FUNC_DEEP,
    "A number or boolean as text.",
    "tostring(12)", "\"12\"")
X(trim, "trim(text, [characters]) -> string", "text", "s", 1, 2, FUNC_DEEP,
    "The text without blanks, or these characters, at both ends.",
    "trim('/a/b/', '/')", "\"a/b\"")
X(trimprefix, "trimprefix(text, prefix) -> string", "text", "s", 2, 2, FUNC_DEEP,
    "The text without the prefix, if it has it.",
    "trimprefix('s3://b', 's3://')", "\"b\"")
X(trimsuffix, "trimsuffix(text, suffix) -> string", "text", "s", 2, 2, FUNC_DEEP,
    "The text without the suffix, if it has it.",
    "trimsuffix('a.csv', '.csv')", "\"a\"")
X(trust, "trust(principals, [conditions]) -> map", "policy", "ax", 1, 2, FUNC_OWN_MARKS,
    "The policy that lets services, accounts, roles (by ARN) or identity providers assume a role.",
    "trust('glue.amazonaws.com').Statement[0].Principal", "{\"Service\":\"glue.amazonaws.com\"}")
X(try, "try(value, …) -> any", "convert", "x", 1, FUNC_MANY, FUNC_LAZY,
    "The first of the expressions that can be evaluated without an error.",
    "try({a: 1}.b, [1][3], 'c')", "\"c\"")
X(type, "type(value) -> string", "convert", "x", 1, 1, FUNC_SHALLOW,
    "The type of the value: string, integer, number, boolean, list, map, null.",
    "type([1])", "\"list\"")
X(upper, "upper(text) -> string", "text", "s", 1, 1, FUNC_DEEP,
    "The text in upper case.",
    "upper('abc')", "\"ABC\"")
X(urldecode, "urldecode(text) -> string", "encode", "s", 1, 1, FUNC_DEEP,
    "The text without percent escapes.",
    "urldecode('a%20b')", "\"a b\"")
X(urlencode, "urlencode(text) -> string", "encode", "s", 1, 1, FUNC_DEEP,
    "The text with percent escapes for all but letters, digits and -._~.",
    "urlencode('a b/c')", "\"a%20b%2Fc\"")
X(uuidv5, "uuidv5(namespace, name) -> string", "hash", "s", 2, 2, FUNC_DEEP,
    "The version 5 UUID of the name. The namespace is dns, url, oid, x500 or a UUID.",
    "uuidv5('dns', 'www.example.com')", "\"2ed6657d-e927-568b-95e1-2665a8aea6a2\"")
X(values, "values(map) -> list", "map", "m", 1, 1, FUNC_SHALLOW,
    "The values of the map, in the order of its keys.",
    "values({b: 1, a: 2})", "[2,1]")
X(yamldecode, "yamldecode(text) -> any", "encode", "s", 1, 1, FUNC_DEEP,
    "The value of YAML text.",
    "yamldecode('[1, no]')", "[1,\"no\"]")
X(yamlencode, "yamlencode(value) -> string", "encode", "x", 1, 1, FUNC_DEEP,
    "The value as YAML text.",
    "yamlencode({a: [1, \"x\"]})", "\"a:\\n- 1\\n- x\\n\"")
X(zipmap, "zipmap(keys, values) -> map", "map", "l", 2, 2, FUNC_SHALLOW,
    "The map of the keys with the values.",
    "zipmap(['a', 'b'], [1, 2])", "{\"a\":1,\"b\":2}")
