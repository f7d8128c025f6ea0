SELECT 'ü;' AS größe; 
  SELECT "日本語;";