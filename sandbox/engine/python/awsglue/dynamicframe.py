"""A DynamicFrame is a Spark DataFrame here: what the sandbox reads has one type a column."""

from pyspark.sql.functions import col


class DynamicFrame:
    def __init__(self, df, glue_ctx, name=""):
        self._df, self.glue_ctx, self.name = df, glue_ctx, name

    @classmethod
    def fromDF(cls, dataframe, glue_ctx, name=""):  # noqa: N802
        return cls(dataframe, glue_ctx, name)

    def toDF(self, options=None):  # noqa: N802
        return self._df

    def _with(self, df):
        return DynamicFrame(df, self.glue_ctx, self.name)

    def count(self):
        return self._df.count()

    def schema(self):
        return self._df.schema

    def printSchema(self):  # noqa: N802
        self._df.printSchema()

    def show(self, num_rows=20):
        self._df.show(num_rows)

    def repartition(self, num_partitions, *_, **__):
        return self._with(self._df.repartition(num_partitions))

    def coalesce(self, num_partitions, *_, **__):
        return self._with(self._df.coalesce(num_partitions))

    def select_fields(self, paths, *_, **__):
        return self._with(self._df.select([col(path) for path in paths]))

    def drop_fields(self, paths, *_, **__):
        return self._with(self._df.drop(*paths))

    def rename_field(self, oldName, newName, *_, **__):  # noqa: N803
        return self._with(self._df.withColumnRenamed(oldName.strip("`"), newName.strip("`")))

    def apply_mapping(self, mappings, *_, **__):
        """[(source, source type, target, target type)], or pairs (source, target); what is not mapped is left out."""
        columns = []
        for mapping in mappings:
            source, target = mapping[0], mapping[2] if len(mapping) == 4 else mapping[1]
            column = col(source)
            if len(mapping) == 4:
                column = column.cast({"long": "bigint", "short": "smallint", "byte": "tinyint"}.get(mapping[3], mapping[3]))
            columns.append(column.alias(target.strip("`")))
        return self._with(self._df.select(columns))

    def filter(self, f, *_, **__):
        from awsglue.transforms import Filter
        return Filter.apply(self, f)
