/**
 * What people choose: published lists of leaked passwords in China and elsewhere, shortened to what survives the
 * length rule or is the core of something longer. Compared in the form that `plain` gives, so `P@ssw0rd` is `password`.
 */
export const commonPasswords: readonly string[] = [
  "password", "password1", "password123", "passw0rd", "p@ssw0rd", "passwd", "qwerty", "qwerty123", "qwertyuiop", "qwer1234", "qweasdzxc", "1qaz2wsx", "1q2w3e4r", "1q2w3e4r5t", "zaq12wsx", "qazwsx", "qazwsxedc", "asdfghjkl", "zxcvbnm", "zxcvbnm123",
  "123456", "12345678", "123456789", "1234567890", "0123456789", "9876543210", "0987654321", "147258369", "789456123", "123321", "112233", "123123123", "11111111", "1111111111", "00000000", "88888888", "66666666", "666888", "168168", "111222333",
  "admin", "admin123", "administrator", "root", "root123", "system", "manager", "guest", "test", "test123", "demo", "user", "oracle", "postgres", "mysql", "sqlserver", "changeme", "default", "letmein", "welcome", "master", "secret", "superman", "iloveyou", "monkey", "dragon", "football", "sunshine", "princess", "abc123", "abcd1234", "abcdefgh", "a123456", "a123456789", "aa123456", "qq123456", "as123456", "zz123456", "wang123456",
  "5201314", "1314520", "520520", "7758521", "5211314", "5845201314", "woaini", "woaini520", "woaini1314", "woaiwojia", "aini1314", "iloveyou1314", "caonima", "nihao", "nihao123", "mima", "mima123", "wodemima", "zhanghao", "guanliyuan", "yonghu", "woshishui", "wojia", "xiaoxiao", "baobao", "beibei", "laopo", "laogong", "woaizhongguo", "zhongguo", "zhonghua", "gongan", "zhengfu", "zhengtong", "shuju", "shujuju", "shuzihua", "dashuju", "wangluo", "xinxi", "xinxizhongxin", "bangong", "bangongshi", "danwei", "jigou", "hangzhou", "zhejiang", "beijing", "shanghai", "hangzhou0571", "zhejiang0571", "huanying", "fucai", "facai", "gongxifacai", "yifanfengshun", "xinnian", "kuaile", "shengri", "weibo", "weixin", "taobao", "alipay", "baidu", "huawei", "tencent", "wechat", "dingding", "lenovo", "windows", "server", "database", "government",
];

/** Rows and columns of the keyboard, digits and the alphabet: a password that mostly walks along one is a sequence. */
export const walks: readonly string[] = ["01234567890", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "1q2w3e4r5t6y7u8i9o0p", "!@#$%^&*()", "147258369", "qazwsxedcrfvtgbyhnujmikolp"];
