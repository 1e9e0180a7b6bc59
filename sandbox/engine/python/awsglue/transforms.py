"""Transforms, each with Glue's `apply`."""


class ApplyMapping:
    @classmethod
    def apply(cls, frame, mappings, **_):
        return frame.apply_mapping(mappings)


class SelectFields:
    @classmethod
    def apply(cls, frame, paths, **_):
        return frame.select_fields(paths)


class DropFields:
    @classmethod
    def apply(cls, frame, paths, **_):
        return frame.drop_fields(paths)


class RenameField:
    @classmethod
    def apply(cls, frame, old_name, new_name, **_):
        return frame.rename_field(old_name, new_name)


class Filter:
    @classmethod
    def apply(cls, frame, f, **_):
        """Rows for which f(row) is true; a row is read like a dictionary."""
        df = frame.toDF()
        kept = df.rdd.filter(lambda row: f(row))
        return frame._with(df.sparkSession.createDataFrame(kept, df.schema))


class DropNullFields:
    @classmethod
    def apply(cls, frame, **_):
        df = frame.toDF()
        nothing = [field.name for field in df.schema.fields if df.where(df[field.name].isNotNull()).limit(1).count() == 0]
        return frame.drop_fields(nothing)


class Join:
    @classmethod
    def apply(cls, frame1, frame2, keys1, keys2, **_):
        one, two = frame1.toDF(), frame2.toDF()
        condition = [one[a] == two[b] for a, b in zip(keys1, keys2)]
        return frame1._with(one.join(two, condition))
