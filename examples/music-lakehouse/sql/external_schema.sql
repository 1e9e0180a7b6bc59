create external schema if not exists ${schema} from data catalog database '${database}' region '${region}' iam_role '${role}'
