"""KMS's keys do what keys do: what they sign, seal and agree on is checked with the package cryptography, which keeps their other half."""

import hmac
import secrets

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding
from servers import code

SHA256 = hashes.SHA256()
OAEP = padding.OAEP(mgf=padding.MGF1(SHA256), algorithm=SHA256, label=None)


@pytest.fixture
def kms(sandbox):
    return sandbox.client("kms")


def made(kms, spec="SYMMETRIC_DEFAULT", usage="ENCRYPT_DECRYPT", **more):
    return kms.create_key(KeySpec=spec, KeyUsage=usage, **more)["KeyMetadata"]["KeyId"]


def public(kms, key):
    return serialization.load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])


@pytest.mark.parametrize("algorithm, scheme", [("RSASSA_PSS_SHA_256", padding.PSS(mgf=padding.MGF1(SHA256), salt_length=32)), ("RSASSA_PKCS1_V1_5_SHA_256", padding.PKCS1v15())])
def test_rsa_signs(kms, algorithm, scheme):
    key = made(kms, "RSA_2048", "SIGN_VERIFY")
    signature = kms.sign(KeyId=key, Message=b"film", SigningAlgorithm=algorithm)["Signature"]
    public(kms, key).verify(signature, b"film", scheme, SHA256)
    assert kms.verify(KeyId=key, Message=b"film", Signature=signature, SigningAlgorithm=algorithm)["SignatureValid"]
    assert code(kms.verify, KeyId=key, Message=b"film!", Signature=signature, SigningAlgorithm=algorithm) == "KMSInvalidSignatureException"
    assert code(kms.encrypt, KeyId=key, Plaintext=b"x", EncryptionAlgorithm="RSAES_OAEP_SHA_256") == "InvalidKeyUsageException"


def test_ecc_signs_a_digest(kms):
    key = made(kms, "ECC_NIST_P256", "SIGN_VERIFY")
    digest = hashes.Hash(SHA256)
    digest.update(b"film")
    signature = kms.sign(KeyId=key, Message=digest.finalize(), MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256")["Signature"]
    public(kms, key).verify(signature, b"film", ec.ECDSA(SHA256))
    assert code(kms.sign, KeyId=key, Message=b"film", MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256") == "ValidationException"


def test_edwards_signs(kms):
    key = made(kms, "ECC_NIST_EDWARDS25519", "SIGN_VERIFY")
    signature = kms.sign(KeyId=key, Message=b"film", SigningAlgorithm="ED25519_SHA_512")["Signature"]
    public(kms, key).verify(signature, b"film")
    assert kms.verify(KeyId=key, Message=b"film", Signature=signature, SigningAlgorithm="ED25519_SHA_512")["SignatureValid"]


def test_anybody_encrypts_for_a_pair(kms):
    key = made(kms, "RSA_2048")
    ask = {"KeyId": key, "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
    assert kms.decrypt(CiphertextBlob=public(kms, key).encrypt(b"film", OAEP), **ask)["Plaintext"] == b"film"
    assert code(kms.decrypt, CiphertextBlob=b"film" * 64, **ask) == "InvalidCiphertextException"


def test_agreement(kms):
    own, key = ec.generate_private_key(ec.SECP256R1()), made(kms, "ECC_NIST_P256", "KEY_AGREEMENT")
    der = own.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    told = kms.derive_shared_secret(KeyId=key, KeyAgreementAlgorithm="ECDH", PublicKey=der)["SharedSecret"]
    assert told == own.exchange(ec.ECDH(), public(kms, key))


def test_imported_secret(kms):
    secret, key = secrets.token_bytes(32), made(kms, "HMAC_256", "GENERATE_VERIFY_MAC", Origin="EXTERNAL")
    mac = {"KeyId": key, "Message": b"film", "MacAlgorithm": "HMAC_SHA_256"}
    assert code(kms.generate_mac, **mac) == "KMSInvalidStateException"
    asked = kms.get_parameters_for_import(KeyId=key, WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048")
    wrapping = serialization.load_der_public_key(asked["PublicKey"])
    given = {"KeyId": key, "ImportToken": asked["ImportToken"], "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
    assert code(kms.import_key_material, EncryptedKeyMaterial=wrapping.encrypt(secret[:16], OAEP), **given) == "IncorrectKeyMaterialException"
    kms.import_key_material(EncryptedKeyMaterial=wrapping.encrypt(secret, OAEP), **given)
    assert kms.generate_mac(**mac)["Mac"] == hmac.digest(secret, b"film", "sha256")
    kms.delete_imported_key_material(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingImport"


def test_imported_pair(kms):
    own, key = ec.generate_private_key(ec.SECP384R1()), made(kms, "ECC_NIST_P384", "SIGN_VERIFY", Origin="EXTERNAL")
    der, aes = own.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()), secrets.token_bytes(32)
    asked = kms.get_parameters_for_import(KeyId=key, WrappingAlgorithm="RSA_AES_KEY_WRAP_SHA_256", WrappingKeySpec="RSA_2048")
    wrapped = serialization.load_der_public_key(asked["PublicKey"]).encrypt(aes, OAEP) + aes_key_wrap_with_padding(aes, der)
    kms.import_key_material(KeyId=key, ImportToken=asked["ImportToken"], EncryptedKeyMaterial=wrapped, ExpirationModel="KEY_MATERIAL_DOES_NOT_EXPIRE")
    assert public(kms, key).public_numbers() == own.public_key().public_numbers()


def test_rotated(kms):
    key = made(kms)
    current = lambda: kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]  # noqa: E731
    first, blob = current(), kms.encrypt(KeyId=key, Plaintext=b"film")["CiphertextBlob"]
    kms.rotate_key_on_demand(KeyId=key)
    assert current() != first and [one["KeyMaterialId"] for one in kms.list_key_rotations(KeyId=key)["Rotations"]] == [current()]
    said = kms.decrypt(CiphertextBlob=blob)
    assert (said["Plaintext"], said["KeyMaterialId"]) == (b"film", first)
    assert kms.decrypt(CiphertextBlob=kms.encrypt(KeyId=key, Plaintext=b"two")["CiphertextBlob"])["KeyMaterialId"] == current()


def test_data_pair(kms):
    key = made(kms)
    pair = kms.generate_data_key_pair(KeyId=key, KeyPairSpec="ECC_NIST_P256", EncryptionContext={"a": "b"})
    private = serialization.load_der_private_key(pair["PrivateKeyPlaintext"], None)
    assert private.public_key() == serialization.load_der_public_key(pair["PublicKey"])
    assert kms.decrypt(CiphertextBlob=pair["PrivateKeyCiphertextBlob"], EncryptionContext={"a": "b"})["Plaintext"] == pair["PrivateKeyPlaintext"]
    assert code(kms.generate_data_key, KeyId=key, KeySpec="AES_256", DryRun=True) == "DryRunOperationException"


def test_all_mistakes_are_said(kms):
    with pytest.raises(ClientError) as e:
        kms.generate_mac(KeyId="x", Message=b"m" * 5000, MacAlgorithm="HMAC_SHA_1")
    said = e.value.response["Error"]["Message"]
    assert said.startswith("2 validation errors detected: Value 'HMAC_SHA_1' at 'macAlgorithm' failed to satisfy constraint: Member must satisfy enum value set: [")
    assert said.endswith("; Value at 'message' failed to satisfy constraint: Member must have length less than or equal to 4096")


def test_weir_sends_the_usage_of_a_key_that_configures_none(stack, cloud):
    """KMS has no default for it where the key is not a symmetric one."""
    stack.write("stack: keys\nresources: {it: {type: aws.kms.key, key_spec: RSA_2048}}\n").apply()
    (key,) = cloud.client("kms").list_keys()["Keys"]
    assert cloud.client("kms").describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyUsage"] == "ENCRYPT_DECRYPT"
